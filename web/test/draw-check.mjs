// The browser's check, under node: `node test/draw-check.mjs FOLDER [--entry N] [--json]`, with the same answers as the others.

import * as fs from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

/** The module of src/draw, bundled as the page's worker has it. */
export async function bundled() {
  const out = new URL("../node_modules/.cache/usher-draw/", import.meta.url);
  await mkdir(out, { recursive: true });
  const entry = (name) => new URL(`../src/draw/${name}.ts`, import.meta.url).pathname;
  await build({
    entryPoints: [entry("acknowledged"), entry("check"), entry("statements")], outdir: out.pathname, outExtension: { ".js": ".mjs" },
    bundle: true, platform: "neutral", format: "esm", target: "es2022", mainFields: ["module", "main"], logLevel: "warning",
  });
  const [{ acknowledged }, { check }, { said }] = await Promise.all(["acknowledged", "check", "statements"].map((name) => import(new URL(`${name}.mjs`, out).href)));
  return { acknowledged, check, said };
}

/** A folder's files as blobs; read whole where node cannot open a file as one. */
export const folder = (dir) => async (name) => {
  try {
    return fs.openAsBlob ? await fs.openAsBlob(join(dir, name)) : new Blob([await readFile(join(dir, name))]);
  } catch {
    return null;
  }
};

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [dir] = process.argv.slice(2);
  const { check, said } = await bundled();
  const started = performance.now();
  const result = await check(folder(dir));
  const at = process.argv.indexOf("--entry");
  const entry = at > 0 ? result.follow(Number(process.argv[at + 1])) : null;
  const { faults, draw, unprovable } = result;
  if (process.argv.includes("--json")) console.log(JSON.stringify(faults.length ? { holds: false, faults } : { holds: true, provable: draw.provable, unprovable, seed: draw.seed, entry }));
  else console.log(faults.map(said).join("\n") || `holds, checked in ${Math.round(performance.now() - started)} ms`);
  process.exit(faults.length ? 1 : 0);
}
