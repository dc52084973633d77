// Whether Python's YAML parser and ours read the same out of every YAML file here, and ours refuses what it does not know.

import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { read } from "./table.mjs";
import { check, done } from "./told.mjs";
import { parse } from "./yaml.mjs";

const PYTHON = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))";
const files = ["compose.yaml", ...readdirSync(new URL("../prometheus/", import.meta.url)).map((name) => `prometheus/${name}`)];

for (const file of files) {
  const text = read(`deploy/${file}`);
  await check(`two YAML parsers read the same in deploy/${file}`, () => {
    const theirs = JSON.parse(execFileSync("python3", ["-c", PYTHON], { input: text, encoding: "utf8" }));
    return isDeepStrictEqual(parse(text), theirs) ? [] : "they do not";
  });
}

for (const bad of ["a: 1\n  b: 2\n", "a: [1, 2\n", "a: 'x\n", "a: 1\na: 2\n", "a: *b\n", "- 1\nb: 2\n", "a:\n\tb: 1\n", "a: b: c\n", "a: yes\n", "a: >\n  b\n"]) {
  await check(`our YAML parser refuses ${JSON.stringify(bad)}`, () => {
    try {
      return `it read ${JSON.stringify(parse(bad))}`;
    } catch {
      return [];
    }
  });
}

done();
