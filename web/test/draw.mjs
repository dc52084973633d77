// All three checkers of a published draw against each other: `node test/draw.mjs [--entries N] [--seed N]`. A draw is made by
// `usher draw example`, checked by each, then one byte is flipped in each of its files at a seeded random place (both lists get
// several), and each checker has to fail and to name the file and, in a list, the entry. Acknowledgements are held against it in the
// same way: whole, altered in each part, and of fans who were left out.
//
// Needs the program built (USHER, else ../target/debug/usher). Python's part runs in a virtual environment of its own under
// target/, and is left out, and said to be, where there is no python3 with venv.

import { execFile, spawnSync } from "node:child_process";
import { cp, mkdtemp, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { bundled, folder } from "./draw-check.mjs";

const run = promisify(execFile);
const at = (path) => new URL(path, import.meta.url).pathname;
const arg = (name, otherwise) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : otherwise);
const usher = process.env.USHER ?? at("../../target/debug/usher");
const FILES = ["commitment.json", "commitment.sig", "roster.json", "roster.sig", "roster.txt", "numbers.txt", "draw.json", "draw.sig"];
const LISTS = ["roster.txt", "numbers.txt"];
const FLIPS_IN_A_LIST = 3;

/** Small, seeded, good enough to pick bytes (mulberry32). */
let state = Number(arg("--seed", "1"));
function below(n) {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % n;
}

let passed = 0;
let failed = 0;
function expect(holds, what) {
  if (holds) passed++;
  else failed++;
  console.log(`${holds ? "ok  " : "FAIL"} ${what}`);
}

/** A python with the script's two libraries, or null with the reason said. */
function python() {
  const wanted = at("../../docs/verify-draw.requirements.txt");
  const env = at("../../target/verify-draw-python");
  const own = join(env, "bin/python3");
  const works = (program) => spawnSync(program, ["-c", "import cryptography, py_ecc"]).status === 0;
  if (works(own)) return own;
  if (works("python3")) return "python3";
  const made = spawnSync("python3", ["-m", "venv", "--clear", env], { encoding: "utf8" });
  if (made.status !== 0) {
    console.log(`note  docs/verify-draw.py is not checked: ${made.error ? "there is no python3" : "python3 has no venv (apt-get install python3-venv)"}`);
    return null;
  }
  const pip = spawnSync(own, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", wanted], { encoding: "utf8" });
  if (pip.status !== 0) throw new Error(`pip: ${pip.stderr}`);
  return own;
}

const interpreter = python();
const { acknowledged, check } = await bundled();
const told = async (program, args) => {
  const { stdout } = await run(program, args, { maxBuffer: 1 << 26 }).catch((e) => (typeof e.code === "number" && e.stdout ? e : Promise.reject(e)));
  return JSON.parse(stdout);
};
const ENTRY = 42;
const checkers = {
  usher: (dir) => told(usher, ["draw", "verify", dir, "--json", "--entry", String(ENTRY)]),
  ...(interpreter && { "verify-draw.py": (dir) => told(interpreter, [at("../../docs/verify-draw.py"), dir, "--json", "--entry", String(ENTRY)]) }),
  page: async (dir) => {
    const { faults, draw, unprovable, follow } = await check(folder(dir));
    return faults.length ? { holds: false, faults } : { holds: true, provable: draw.provable, unprovable, seed: draw.seed, entry: follow(ENTRY) };
  },
};
/** The same three, asked what an acknowledgement proves of the roster in a folder. */
const provers = {
  usher: (file, dir) => told(usher, ["draw", "acknowledged", file, "--roster", dir, "--json"]),
  ...(interpreter && { "verify-draw.py": (file, dir) => told(interpreter, [at("../../docs/verify-draw.py"), dir, "--acknowledged", file, "--json"]) }),
  page: async (file, dir) => {
    const answer = await acknowledged(await readFile(file, "utf8"), folder(dir));
    if (answer.faults) return { genuine: false, faults: answer.faults };
    const { inRoster, ...proved } = answer.proved;
    return { genuine: true, in_roster: inRoster, ...proved };
  },
};
/** All say so: in the roster, left out, or not genuine by the part at fault. */
async function prove(what, file, dir, expected) {
  for (const [name, prover] of Object.entries(provers)) {
    const answer = await prover(file, dir);
    const got = answer.genuine ? (answer.in_roster ? "in the roster" : `left out${answer.instead ? ", another instead" : ""}`) : answer.faults.map((f) => `${f.file} ${f.what.split(":")[0]}`).join(", ");
    expect(got === expected, `${name}: ${what}: ${got}`);
  }
}

/** What the checkers have to agree upon. */
const gist = ({ holds, provable, seed, entry }) => JSON.stringify({ holds, provable, seed, number: entry?.number, proof: entry?.proof });

const dir = await mkdtemp(join(tmpdir(), "usher-draw-"));
try {
  const example = async (name, ...args) => {
    await run(usher, ["draw", "example", join(dir, name), ...args]);
    return join(dir, name);
  };
  // Draws that hold, of every kind and around the sizes at which the tree changes its shape.
  const whole = await example("whole", "--entries", arg("--entries", "100000"));
  const kinds = [at("../../contracts/examples/draw"), await example("local", "--entries", "1025", "--beacon", "local"), await example("none", "--entries", "1024", "--beacon", "none"), whole];
  for (const kind of kinds) {
    const answers = await Promise.all(Object.values(checkers).map((c) => c(kind)));
    const [first, ...others] = answers.map(gist);
    expect(answers[0].holds && others.every((o) => o === first), `${Object.keys(checkers).join(", ")} agree on ${kind.split("/").pop()}: ${first.slice(0, 110)}`);
  }
  expect(!(await checkers.usher(kinds[1])).provable && !(await checkers.usher(kinds[2])).provable, "a chain of one's own and no beacon are not provable");

  const numbers = (await readFile(join(whole, "numbers.txt"), "latin1")).split("\n");
  for (const file of FILES.flatMap((f) => (LISTS.includes(f) ? Array(FLIPS_IN_A_LIST).fill(f) : [f]))) {
    const path = join(whole, file);
    const offset = below((await stat(path)).size), mask = 1 + below(255);
    const before = await readFile(path);
    const line = before.subarray(0, offset).reduce((n, b) => n + (b === 10 ? 1 : 0), 0);
    const entry = file === "roster.txt" ? line + 1 : file === "numbers.txt" ? Number(numbers[line].split(" ")[1]) : null;
    await cp(path, `${path}.kept`);
    const handle = await open(path, "r+");
    await handle.write(Uint8Array.of(before[offset] ^ mask), 0, 1, offset);
    await handle.close();
    for (const [name, checker] of Object.entries(checkers)) {
      const answer = await checker(whole);
      const [fault, ...more] = answer.faults ?? [];
      const named = fault && `${fault.file} ${fault.what}`.includes(file) && fault.entry === entry && more.length === 0;
      expect(!answer.holds && named, `${name}: byte ${offset} of ${file}: ${answer.holds ? "it holds" : JSON.stringify(answer.faults).slice(0, 160)}`);
    }
    await cp(`${path}.kept`, path);
  }
  expect((await checkers.usher(whole)).holds, "put back, it holds again");

  // Acknowledgements: of batches of every size, of two who were left out, altered in each part, and against damaged rosters.
  const acks = join(dir, "acknowledged");
  await example("again", "--entries", arg("--entries", "100000"), "--acknowledged", acks);
  for (const batch of [1, 2, 3, 7, 1000]) await prove(`of a batch of ${batch}`, join(acks, `batch-${batch}.json`), whole, "in the roster");
  await prove("another place took the entry", join(acks, "left-out.json"), whole, "left out, another instead");
  await prove("the roster ends before the entry", join(acks, "beyond.json"), whole, "left out");
  const sound = JSON.parse(await readFile(join(acks, "batch-7.json"), "utf8"));
  const { first, last } = sound.statement, [entry, place, digits] = sound.line.split(" ");
  const flip = (text, from) => text.slice(0, from) + (text[from] === "a" ? "b" : "a") + text.slice(from + 1);
  const ack = (part) => `acknowledgement ${part}`;
  const altered = [
    ["its entry by another of the batch", { line: `${first} ${place} ${digits}` }, ack("entry")],
    ["its entry by one of another batch", { line: `${last + 1} ${place} ${digits}` }, ack("entry")],
    ["its entry by none", { line: `0 ${place} ${digits}` }, ack("entry")],
    ["its place", { line: `${entry} ${flip(place, 9)} ${digits}` }, ack("place")],
    ["its place by none", { line: `${entry} ${place}0 ${digits}` }, ack("place")],
    ["its line by half of it", { line: `${entry} ${place}` }, ack("line")],
    ["its index", { index: (sound.index + 1) % 7 }, ack("path")],
    ["its index by one outside", { index: 7 }, ack("path")],
    ["its path", { path: sound.path.map((step, n) => (n === 1 ? flip(step, 5) : step)) }, ack("path")],
    ["its path by a shorter one", { path: sound.path.slice(1) }, ack("path")],
    ["its signature", { signature: flip(sound.signature, 7) }, ack("signature")],
    ["its signature by half of it", { signature: sound.signature.slice(0, 40) }, ack("signature")],
    ["its root", { statement: { ...sound.statement, root: flip(sound.statement.root, 3) } }, ack("signature")],
    ["its time", { statement: { ...sound.statement, acknowledged_ms: 7 } }, ack("signature")],
    ["its sale", { statement: { ...sound.statement, sale: flip(sound.statement.sale, 9) } }, `${ack("signature")}, ${ack("sale")}`],
    ["its signer", { statement: { ...sound.statement, signer: { ...sound.statement.signer, ed25519: "07".repeat(32) } } }, `${ack("signature")}, ${ack("key")}`],
    ["its format", { statement: { ...sound.statement, format: "usher-draw-roster/1" } }, ack("format")],
    ["a field more", { more: 1 }, ack("format")],
  ];
  for (const [what, change, expected] of altered) {
    const file = join(acks, "altered.json");
    await writeFile(file, JSON.stringify({ ...sound, ...change }));
    await prove(`changed in ${what}`, file, whole, expected);
  }
  await prove("against another sale's roster", join(acks, "batch-7.json"), await example("other", "--entries", "100", "--seed", "other"), `${ack("sale")}, ${ack("key")}`);
  const roster = await readFile(join(whole, "roster.txt"));
  await writeFile(join(whole, "roster.txt"), roster.map((byte, at) => (at === 300 ? byte ^ 1 : byte)));
  await prove("against a damaged roster", join(acks, "batch-7.json"), whole, "roster.txt this entry was changed, or one up to entry 1024");
  await writeFile(join(whole, "roster.txt"), roster.subarray(0, 2000));
  await prove("against a roster cut off", join(acks, "batch-7.json"), whole, "roster.txt ends before entry 1024");
} finally {
  await rm(dir, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
