// An acknowledgement, which a fan was given on joining a lobby, held against the published roster: the entry is in it, or was left
// out, or the acknowledgement is none.

import { CHUNK, chunksFit } from "./check";
import { hex, leafHash, root, rootFrom, unhex, utf8 } from "./hash";
import { ACKNOWLEDGEMENT, base64, isHex, latin, misshapen, signed, spelled, statement, type Acknowledgement, type Batch, type Fault, type Files, type Roster } from "./statements";

const LENGTH_MAX = 1 << 16;
const TRIED_MAX = 10_000;
const FORMAT = "usher-draw-acknowledgement/1";

/** What an acknowledgement proves; `inRoster` is unknown where the roster is not out. `instead` is the roster's leaf of another. */
export interface Proved { entry: number; leaf: string; batch: Batch; inRoster: boolean | null; instead: string | null }
type Told = { faults: Fault[] } | { proved: Proved };

/** Holds the text of an acknowledgement against the roster, if there is one. All must be signed by one of `keys`, or, where there are none, by the same key. */
export async function acknowledged(text: string, open: Files, keys: string[] = []): Promise<Told> {
  const faults: Fault[] = [];
  const fault = (what: string, file = "acknowledgement", entry: number | null = null) => void faults.push({ file, entry, what });
  const own = read(text, fault);
  if (!own) return { faults };
  const batch = own.statement;
  const line = await genuine(own, fault);
  const oneOf = (known: string[], key: string, file?: string) => {
    if (!known.includes(key)) fault(`${file ? "" : "key: "}it is signed by ${key}, not by ${known.join(" or ")}`, file);
  };
  if (!(await open("roster.json"))) {
    if (keys.length > 0) oneOf(keys, batch.signer.ed25519);
    return faults.length > 0 || !line ? { faults } : { proved: { ...line, batch, inRoster: null, instead: null } };
  }
  const opened = await statement<Roster>(open, "roster", "usher-draw-roster/1");
  if ("faults" in opened) return { faults: [...faults, ...opened.faults] };
  const roster = opened.said;
  chunksFit(roster, faults);
  if (batch.sale !== roster.sale.id) fault(`sale: it is of "${batch.sale}", the roster of ${roster.sale.id}`);
  const known = keys.length > 0 ? keys : [roster.signer.ed25519];
  oneOf(known, batch.signer.ed25519);
  oneOf(known, roster.signer.ed25519, "roster.json");
  if (faults.length > 0 || !line) return { faults };
  if (line.entry > roster.size) return { proved: { ...line, batch, inRoster: false, instead: null } };
  const leaf = await listed(open, roster, line.entry, fault);
  if (leaf === null) return { faults };
  return { proved: { ...line, batch, inRoster: leaf === line.leaf, instead: leaf === line.leaf ? null : leaf } };
}

function read(text: string, fault: (what: string) => void): Acknowledgement | null {
  let wrong: string | null, value: unknown;
  try {
    value = JSON.parse(text);
    wrong = text.length > LENGTH_MAX ? `it is longer than ${LENGTH_MAX} bytes` : misshapen(value, ACKNOWLEDGEMENT, "it");
  } catch (e) {
    wrong = (e as Error).message;
  }
  const format = (value as Acknowledgement | undefined)?.statement?.format;
  if (!wrong && format !== FORMAT) wrong = `it is "${format}"; this reads "${FORMAT}"`;
  if (!wrong) return value as Acknowledgement;
  fault(`format: ${wrong}`);
  return null;
}

/** The entry and leaf of an acknowledgement that is signed and leads from its line to what was signed. */
async function genuine(own: Acknowledgement, fault: (what: string) => void): Promise<{ entry: number; leaf: string } | null> {
  const batch = own.statement, signature = base64(own.signature), key = batch.signer.ed25519;
  const right = signature !== null && (await signed(signature, utf8(spelled(batch)), unhex(key)));
  if (!right) fault(`signature: ${signature ? `it is not ${key}'s of this statement: one of the two was changed` : "it is not base64 of 64 bytes"}`);
  const line = ownLine(own.line, batch);
  if (typeof line === "string") {
    fault(line);
    return null;
  }
  if (!right) return null;
  const inside = own.index >= 0 && own.index < batch.size;
  const led = inside ? rootFrom(leafHash(utf8(line.leaf)), own.index, batch.size, own.path.map(unhex)) : null;
  if (led && hex(led) === batch.root) return line;
  fault(`path: ${own.path.length} hashes do not lead from leaf ${own.index} of ${batch.size} to the root ${batch.root}`);
  return null;
}

/** An acknowledged line's entry and leaf, or the part of it that is wrong. */
function ownLine(line: string, { first, last }: Batch): { entry: number; leaf: string } | string {
  const [entry, place, digits, ...more] = line.split(" ");
  if (entry === undefined || place === undefined || digits === undefined || more.length > 0) return `line: should be an entry, a place and 16 digits, is ${JSON.stringify(line)}`;
  if (!/^[1-9][0-9]{0,15}$/.test(entry) || !Number.isSafeInteger(Number(entry))) return `entry: ${JSON.stringify(entry)} is none`;
  if (!place.startsWith("plc_") || !isHex(place.slice(4), 16)) return `place: should be "plc_" and 32 digits, is ${JSON.stringify(place)}`;
  if (!isHex(digits, 8)) return `line: should end with 16 digits, ends with ${JSON.stringify(digits)}`;
  const check = (e: number | string) => hex(leafHash(utf8(`${e} ${place}`)).subarray(0, 8));
  if (check(entry) !== digits) {
    for (let right = first; right <= last && right < first + TRIED_MAX; right++) {
      if (check(right) === digits) return `entry: it was changed from ${right} to ${entry}`;
    }
    return `place: it was changed, or the digits that end the line: its hash begins with ${check(entry)}, it says ${digits}`;
  }
  if (Number(entry) < first || Number(entry) > last) return `entry: ${entry} is none of its batch, which has ${first} to ${last}`;
  return { entry: Number(entry), leaf: `${entry} ${place}` };
}

/** The leaf that roster.txt has for an entry, from the chunk that roster.json fixes. */
async function listed(open: Files, roster: Roster, entry: number, fault: (what: string, file: string, entry?: number) => void): Promise<string | null> {
  const file = "roster.txt", blob = await open(file);
  const refused = (what: string, entry?: number) => {
    fault(what, file, entry);
    return null;
  };
  if (!blob) return refused("cannot be read: it is missing");
  const first = Math.floor((entry - 1) / CHUNK) * CHUNK + 1, last = Math.min(roster.size, first + CHUNK - 1);
  const length = (e: number) => String(e).length + 55;
  let start = 0;
  for (let low = 1; low < first; low *= 10) start += (Math.min(first, low * 10) - low) * length(low);
  const bytes = new Uint8Array(await blob.slice(start, start + CHUNK * length(last)).arrayBuffer());
  const leaves: Uint8Array[] = [];
  for (let e = first, at = 0; e <= last; at += length(e++)) {
    if (at + length(e) > bytes.length) return refused(`ends before entry ${last}`);
    leaves.push(bytes.subarray(at, at + length(e) - 18));
  }
  if (hex(root(leaves.map(leafHash))) !== roster.chunks[Math.floor(first / CHUNK)]) {
    return refused(`this entry was changed, or one up to entry ${last}: their hash is not in roster.json`, first);
  }
  return latin(leaves[entry - first]!);
}
