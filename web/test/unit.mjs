// Bundles the unit tests and runs them with node's own runner.

import { spawnSync } from "node:child_process";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { build } from "esbuild";

const here = new URL(".", import.meta.url);
const out = new URL("../node_modules/.cache/usher-unit/", here);
await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });

const sources = (await readdir(new URL("unit/", here))).filter((f) => f.endsWith(".test.ts"));
await build({
  entryPoints: sources.map((f) => new URL(`unit/${f}`, here).pathname),
  outdir: out.pathname, outExtension: { ".js": ".mjs" }, bundle: true, platform: "node", format: "esm", target: "node18", sourcemap: "inline", logLevel: "warning",
});

const tap = new URL("result.tap", out).pathname;
const run = spawnSync(process.execPath, [
  "--enable-source-maps", "--test",
  "--test-reporter=spec", "--test-reporter-destination=stdout", "--test-reporter=tap", `--test-reporter-destination=${tap}`,
  ...sources.map((f) => new URL(f.replace(/\.ts$/, ".mjs"), out).pathname),
], { stdio: "inherit", cwd: new URL("..", here).pathname });

const result = await readFile(tap, "utf8");
const number = (name) => Number(new RegExp(`^# ${name} (\\d+)`, "m").exec(result)?.[1] ?? 0);
const failed = number("fail") + number("cancelled");
process.exit(run.status === 0 && failed === 0 && number("pass") > 0 ? 0 : 1);
