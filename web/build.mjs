// Bundles the pages into dist/: assets with the hash of their content in their name, pages that name them.

import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

const here = new URL(".", import.meta.url);
const at = (path) => new URL(path, here);

/** The queue page is loaded by everyone in the same second: HTML, CSS and JavaScript together, compressed. */
const QUEUE_BUDGET = 14 * 1024;

const entries = {
  index: "src/fan/index.ts",
  event: "src/fan/event.ts",
  find: "src/fan/find.ts",
  draw: "src/draw/page.ts",
  draw_worker: "src/draw/worker.ts",
  report: "src/report/main.ts",
  promoter: "src/promoter/main.tsx",
  operator: "src/operator/main.tsx",
  queue: "src/styles/queue.css",
  pick: "src/styles/pick.css",
  fan: "src/styles/fan.css",
  console: "src/styles/console.css",
};

await rm(at("dist"), { recursive: true, force: true });
await mkdir(at("dist/assets"), { recursive: true });

const names = new Map();
const sizes = new Map();
async function asset(name, extension, contents) {
  const hash = createHash("sha256").update(contents).digest("hex").slice(0, 10);
  const file = `${name}-${hash}.${extension}`;
  await writeFile(at(`dist/assets/${file}`), contents);
  names.set(`${name}.${extension}`, `/assets/${file}`);
  sizes.set(`${name}.${extension}`, gzipSync(contents, { level: 9 }).length);
}

const options = {
  absWorkingDir: here.pathname,
  bundle: true,
  minify: true,
  target: ["chrome100", "firefox100", "safari15.4"],
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  charset: "utf8",
  logLevel: "warning",
};

for (const [name, entry] of Object.entries(entries)) {
  const css = entry.endsWith(".css");
  const result = await build({ ...options, entryPoints: [entry], write: false, format: css ? undefined : "esm" });
  await asset(name, css ? "css" : "js", result.outputFiles[0].contents);
}

// The queue page comes in two flights: what everyone needs at once, and what follows behind it.
const queue = await build({
  ...options, define: { PICK_CSS: JSON.stringify(names.get("pick.css")) }, entryPoints: { queue: "src/queue/main.ts" }, outdir: "dist/assets", format: "esm", splitting: true, metafile: true,
  entryNames: "[name]-[hash]", chunkNames: "queue-part-[hash]",
});
const outputs = Object.entries(queue.metafile.outputs);
const [queueFile] = outputs.find(([, o]) => o.entryPoint === "src/queue/main.ts");
const first = new Set();
const follow = (file) => {
  first.add(file);
  for (const i of queue.metafile.outputs[file].imports) if (i.kind === "import-statement" && !first.has(i.path)) follow(i.path);
};
follow(queueFile);
const weigh = async (file) => gzipSync(await readFile(at(file)), { level: 9 }).length;
const address = (file) => file.replace("dist", "");
let behind = 0;
for (const [file] of outputs) if (!first.has(file)) behind += await weigh(file);
names.set("queue.js", address(queueFile));
sizes.set("queue.js", (await Promise.all([...first].map(weigh))).reduce((a, b) => a + b, 0));
const preload = [...first].filter((f) => f !== queueFile).map((f) => `<link rel="modulepreload" href="${address(f)}">\n`).join("");

await asset("favicon", "svg", await readFile(at("assets/favicon.svg")));

for (const page of (await readdir(at("pages"))).sort()) {
  const source = await readFile(at(`pages/${page}`), "utf8");
  const used = [];
  const html = source.replace("{{preload}}\n", preload).replace(/\{\{([\w.]+)\}\}/g, (_, name) => {
    if (!names.has(name)) throw new Error(`${page} names ${name}, which was not built`);
    used.push(name);
    return names.get(name);
  });
  await writeFile(at(`dist/${page}`), html);
  const own = gzipSync(html, { level: 9 }).length;
  const total = used.filter((n) => !n.endsWith(".svg")).reduce((sum, n) => sum + sizes.get(n), own);
  console.log(`${page.padEnd(14)} ${String(total).padStart(6)} B gz  (${used.map((n) => `${n} ${sizes.get(n)}`).join(", ")}, html ${own}${page === "queue.html" ? `; behind it ${behind}` : ""})`);
  if (page === "queue.html" && total > QUEUE_BUDGET) throw new Error(`queue.html weighs ${total} B gz, more than ${QUEUE_BUDGET}`);
}
