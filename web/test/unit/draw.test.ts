import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import test from "node:test";
import { ed25519 } from "@noble/curves/ed25519.js";
import { QUICKNET, chainHash, refusal, roundAtOrAfter, seedMessage, timeOfMs } from "../../src/draw/beacon";
import { acknowledged } from "../../src/draw/acknowledged";
import { check, orderOf } from "../../src/draw/check";
import { hex, hmacSha256, leafHash, path, root, rootFrom, sha256, unhex, utf8 } from "../../src/draw/hash";
import { said, type Commitment, type Draw } from "../../src/draw/statements";

// npm runs the tests in web/.
const VECTORS = "../contracts/examples/draw/";
type Contents = Map<string, Uint8Array>;
const example = async (): Promise<Contents> =>
  new Map(await Promise.all((await readdir(VECTORS)).map(async (name) => [name, new Uint8Array(await readFile(VECTORS + name))] as const)));
const checked = (files: Contents) => check(async (name) => (files.has(name) ? new Blob([files.get(name)! as BlobPart]) : null));
const faults = async (files: Contents) => (await checked(files)).faults.map(said);

/** draw.json changed and signed anew, by a key of our own. */
async function forged(change: (draw: Draw) => void): Promise<Contents> {
  const files = await example();
  const draw = JSON.parse(new TextDecoder().decode(files.get("draw.json"))) as Draw;
  const secret = new Uint8Array(32).fill(7);
  draw.signer.ed25519 = hex(ed25519.getPublicKey(secret));
  change(draw);
  const bytes = utf8(JSON.stringify(draw, null, 2) + "\n");
  files.set("draw.json", bytes);
  files.set("draw.sig", utf8(Buffer.from(ed25519.sign(bytes, secret)).toString("base64") + "\n"));
  return files;
}

const ROUND_1000 = "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39";
const ROUND_1001 = "b33bf3667cbd5a82de3a24b4e0e9fe5513cc1a0e840368c6e31f5fcfa79bea03f73896b25883abf2853d10337fb8fa41";
const ROUND_657413 = "b713718a38ae728dfd477991af2822e08d2f305e47718cef9f7848ce4050e7be41076862b98fad56e91a6b85b89cd97b";

test("the published example holds, and an entry can be followed", async () => {
  const result = await checked(await example());
  assert.deepEqual(result.faults, []);
  assert.ok(result.draw!.provable && result.unprovable.length === 0);
  const lines = new TextDecoder().decode((await example()).get("numbers.txt")).trim().split("\n");
  for (const line of lines) {
    const [number, entry] = line.split(" ").map(Number);
    assert.equal(result.follow(entry!)!.number, number);
  }
  assert.equal(result.follow(101), null);
  assert.equal(result.follow(0), null);
});

test("one changed byte anywhere is refused, and the file and the entry named", async () => {
  const whole = await example();
  for (const [name, bytes] of whole) {
    for (let at = 0; at < bytes.length; at += 1 + Math.floor(bytes.length / 23)) {
      const files = new Map(whole);
      files.set(name, bytes.map((b, n) => (n === at ? b ^ 1 : b)));
      const found = (await checked(files)).faults;
      assert.equal(found.length, 1, `${name} ${at}: ${found.map(said).join("; ")}`);
      assert.ok(said(found[0]!).includes(name), said(found[0]!));
      const line = bytes.subarray(0, at).filter((b) => b === 10).length;
      const drawn = () => Number(new TextDecoder().decode(whole.get("numbers.txt")).split("\n")[line]!.split(" ")[1]);
      assert.equal(found[0]!.entry, name === "roster.txt" ? line + 1 : name === "numbers.txt" ? drawn() : null, `${name} ${at}`);
    }
  }
});

test("a missing, truncated or longer file is refused and named", async () => {
  const whole = await example();
  for (const [name, bytes] of whole) {
    for (const damaged of [null, bytes.subarray(0, bytes.length - 3), new Uint8Array([...bytes, 10])]) {
      const files = new Map(whole);
      if (damaged) files.set(name, damaged);
      else files.delete(name);
      const found = await faults(files);
      assert.ok(found.length > 0 && found.every((f) => f.includes(name)), `${name}: ${found.join("; ")}`);
    }
  }
});

test("rounds of quicknet are known from those of others", () => {
  assert.equal(chainHash(QUICKNET), QUICKNET.hash);
  assert.equal(refusal(QUICKNET, 1000, ROUND_1000), null);
  assert.equal(refusal(QUICKNET, 657413, ROUND_657413), null);
  assert.match(refusal(QUICKNET, 1000, ROUND_1001)!, /signature of round 1001; the rule asks for round 1000/);
  assert.match(refusal(QUICKNET, 1000, ROUND_657413)!, /did not sign round 1000/);
  assert.match(refusal(QUICKNET, 1000, "00".repeat(48))!, /not a beacon's signature/);
  assert.match(refusal({ ...QUICKNET, genesis_s: 5 }, 1000, ROUND_1000)!, /parameters hash to/);
  assert.equal(roundAtOrAfter(QUICKNET, timeOfMs(QUICKNET, 1000)), 1000);
  assert.equal(roundAtOrAfter(QUICKNET, timeOfMs(QUICKNET, 1000) + 1), 1001);
  assert.equal(roundAtOrAfter(QUICKNET, 0), 1);
});

test("a forged draw is refused with the reason", async () => {
  const refused = async (change: (draw: Draw) => void, reason: RegExp) => {
    const found = await faults(await forged(change));
    assert.ok(found.some((f) => reason.test(f)), `${reason}: ${found.join("; ")}`);
  };
  assert.deepEqual(await faults(await forged(() => {})), [], "signed anew, but unchanged, it holds");
  await refused((d) => (d.format = "usher-draw/2"), /draw\.json: the format is "usher-draw\/2"/);
  await refused((d) => (d.secret = "08".repeat(32)), /the secret's commitment is/);
  await refused((d) => (d.commitment = "08".repeat(32)), /the commitment is not the one of commitment\.json/);
  await refused((d) => (d.beacon!.signature = ROUND_1001), /signature of round 1001/);
  await refused((d) => (d.beacon!.round = 1001), /the rule asks for round 1000/);
  await refused((d) => (d.beacon!.chain.name = "slownet"), /the beacon's rule is not the one of commitment\.json/);
  await refused((d) => (d.beacon!.chain.name = "slownet"), /parameters hash to/);
  await refused((d) => (d.beacon!.randomness = "08".repeat(32)), /the randomness of round 1000 is fe290beca1/);
  await refused((d) => (d.beacon = null), /the beacon's rule is not/);
  await refused((d) => (d.seed = "08".repeat(32)), /make the seed/);
  await refused((d) => (d.provable = false), /nothing speaks against it/);
  await refused((d) => (d.roster.root = "08".repeat(32)), /roster's size, root or time is not the one of roster\.json/);
  await refused((d) => (d.roster.size = 99), /goes on after its last line/);
});

test("the tree is that of RFC 6962", () => {
  // The leaves and roots of certificate-transparency's own tests.
  const leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"].map((l) => leafHash(unhex(l)));
  assert.equal(hex(root([])), hex(sha256()));
  assert.equal(hex(root(leaves.slice(0, 5))), "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4");
  assert.equal(hex(root(leaves)), "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
  for (let size = 1; size <= 70; size++) {
    const many = Array.from({ length: size }, (_, n) => leafHash(utf8(String(n))));
    const top = hex(root(many));
    for (let index = 0; index < size; index++) {
      const proof = path(many, index);
      assert.equal(hex(rootFrom(many[index]!, index, size, proof)!), top);
      const other = rootFrom(many[index]!, (index + 1) % size, size, proof);
      assert.ok(size === 1 || other === null || hex(other) !== top);
    }
  }
});

test("the order is the documented one", () => {
  // The same vector as in the crate `domain`, computed with Python's hmac.
  assert.deepEqual([...orderOf(new Uint8Array(32).fill(0x11), 10)], [2, 4, 8, 10, 5, 6, 7, 1, 9, 3]);
});

/** The example drawn without its beacon, as its commitment allowed so many seconds after the round's time. */
async function without(after: number, late_ms: number): Promise<Contents> {
  const files = await forged(() => {});
  const secret = new Uint8Array(32).fill(7);
  const read = (name: string) => JSON.parse(new TextDecoder().decode(files.get(name)));
  const write = (name: string, value: unknown) => {
    const bytes = utf8(JSON.stringify(value, null, 2) + "\n");
    files.set(name + ".json", bytes);
    files.set(name + ".sig", utf8(Buffer.from(ed25519.sign(bytes, secret)).toString("base64") + "\n"));
  };
  const [before, draw] = [read("commitment.json") as Commitment, read("draw.json") as Draw];
  before.beacon!.unprovable_after_s = after;
  before.signer.ed25519 = draw.signer.ed25519;
  write("commitment", before);
  draw.drawn_ms = timeOfMs(draw.beacon!.chain, draw.beacon!.round) + after * 1000 + late_ms;
  draw.beacon = null;
  draw.provable = false;
  draw.seed = hex(hmacSha256(unhex(draw.secret), seedMessage(draw.roster.root, draw.roster.size, "")));
  files.set("numbers.txt", utf8([...orderOf(unhex(draw.seed), draw.roster.size)].map((entry, n) => `${n + 1} ${entry}\n`).join("")));
  for (const name of ["commitment.json", "commitment.sig", "numbers.txt"]) draw.files[name] = hex(sha256(files.get(name)!));
  write("draw", draw);
  return files;
}

test("a draw without its beacon holds where that was said beforehand, not earlier, and proves nothing", async () => {
  const result = await checked(await without(90, 0));
  assert.deepEqual(result.faults.map(said), []);
  assert.match(result.unprovable[0]!, /was not had in time/);
  assert.match((await faults(await without(90, -1))).join(), /the beacon's rule is not the one of commitment\.json/);
});

const ACKNOWLEDGED = "../contracts/examples/acknowledgement/";
const proved = async (name: string, change: (files: Contents) => void = () => {}, keys: string[] = []) => {
  const files = await example();
  change(files);
  return acknowledged(await readFile(ACKNOWLEDGED + name, "utf8"), async (file) => (files.has(file) ? new Blob([files.get(file)! as BlobPart]) : null), keys);
};
const told = (answer: Awaited<ReturnType<typeof proved>>) => ("faults" in answer ? answer.faults.map(said) : [answer.proved.inRoster, answer.proved.instead]);

test("the published acknowledgements are in the roster, or prove that they were left out", async () => {
  for (const batch of [1, 2, 3, 7]) assert.deepEqual(told(await proved(`batch-${batch}.json`)), [true, null]);
  const [inRoster, instead] = told(await proved("left-out.json"));
  assert.ok(inRoster === false && /^1 plc_/.test(instead as string));
  assert.deepEqual(told(await proved("beyond.json")), [false, null]);
  const nothing = (files: Contents) => files.clear();
  assert.deepEqual(told(await proved("batch-7.json", nothing)), [null, null], "the roster is not out yet");
});

test("an acknowledgement counts with the key that signed the roster, or one that is named", async () => {
  const { signer } = JSON.parse(await readFile(ACKNOWLEDGED + "batch-1.json", "utf8")).statement;
  const other = "07".repeat(32);
  assert.deepEqual(told(await proved("batch-1.json", undefined, [other, signer.ed25519])), [true, null]);
  assert.match(told(await proved("batch-1.json", undefined, [other])).join(), /acknowledgement: key: it is signed by .*roster.json: it is signed by/);
  assert.match(told(await proved("batch-1.json", (files) => files.clear(), [other])).join(), /^acknowledgement: key: /);
  const forgedRoster = (files: Contents) => files.set("roster.sig", files.get("draw.sig")!);
  assert.match(told(await proved("left-out.json", forgedRoster)).join(), /^roster.json: roster.sig is not the signature/);
  assert.match(told(await proved("batch-7.json", (files) => files.delete("roster.txt"))).join(), /^roster.txt: cannot be read/);
});
