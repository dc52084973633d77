// The whole check of a published draw: everything is computed anew and compared. Made for a worker, and for node in the tests.

import { isPublic, randomnessOf, refusal, roundAtOrAfter, seedMessage, timeOfMs } from "./beacon";
import { hex, hmacSha256, leafHash, path, root, rootFrom, running, sha256, tags, unhex, utf8 } from "./hash";
import { isHex, latin, statement, type Commitment, type Draw, type Fault, type Files, type Roster } from "./statements";

export const CHUNK = 1024;
const NAMED_MAX = 8;
const PIECE = 1 << 20;

export type Step = "statements" | "beacon" | "roster" | "order" | "numbers";
export interface Followed { entry: number; leaf: string; number: number; proof: string[] }
export interface Result {
  faults: Fault[];
  draw: Draw | null;
  unprovable: string[];
  /** Entry of number n at n - 1; empty unless the draw holds. */
  order: Uint32Array;
  /** The place of an entry, and the proof that it is in the roster; null outside of it. */
  follow(entry: number): Followed | null;
}

/** Hears how much of a step is done, from 0 to 1, and at its end whether it holds. */
export type Progress = (step: Step, done: number, holds?: boolean) => void;

/** Checks the files. */
export async function check(open: Files, progress: Progress = () => {}): Promise<Result> {
  const result: Result = { faults: [], draw: null, unprovable: [], order: new Uint32Array(0), follow: () => null };
  const { faults } = result;
  let known = 0;
  const over = (step: Step) => {
    progress(step, 1, faults.length === known);
    known = faults.length;
  };
  const kept = <S>(read: { said: S } | { faults: Fault[] }): S | null => {
    if ("said" in read) return read.said;
    faults.push(...read.faults);
    return null;
  };
  progress("statements", 0);
  const draw = kept(await statement<Draw>(open, "draw", "usher-draw/1"));
  if (!draw) {
    over("statements");
    return result;
  }
  result.draw = draw;
  const before = kept(await statement<Commitment>(open, "commitment", "usher-draw-commitment/1", draw.files));
  const roster = kept(await statement<Roster>(open, "roster", "usher-draw-roster/1", draw.files));
  const fault = (what: string) => void faults.push({ file: "draw.json", entry: null, what });
  if (draw.roster.size < 0 || draw.roster.size >= 2 ** 32) {
    fault(`a roster of ${draw.roster.size} entries cannot be`);
    return result;
  }
  if (draw.beacon && (draw.beacon.chain.period_s < 1 || draw.beacon.chain.period_s >= 2 ** 32 || draw.beacon.round < 1)) {
    fault("the chain's period or the round cannot be");
    return result;
  }
  agree(draw, before, roster, faults);
  if (before && roster) {
    result.unprovable = unprovable(before, roster, draw.beacon !== null);
    if (draw.provable === result.unprovable.length > 0) {
      fault(`says provable: ${draw.provable}, but ${result.unprovable.join("; ") || "nothing speaks against it"}`);
    }
  }
  over("statements");
  progress("beacon", 0);
  computed(draw, fault);
  over("beacon");
  const leaves = await checkRoster(open, draw, roster?.chunks, faults, (done) => progress("roster", done));
  over("roster");
  if (!leaves) return result;
  const order = orderOf(unhex(draw.seed), draw.roster.size, (done) => progress("order", done));
  over("order");
  const numbersHold = await checkNumbers(open, draw, order, faults, (done) => progress("numbers", done));
  over("numbers");
  if (numbersHold && faults.length === 0) {
    result.order = order;
    result.follow = (entry) => {
      const leaf = leaves[entry - 1];
      if (!leaf) return null;
      const proof = path(leaves.map((l) => l.hash), entry - 1);
      const proved = rootFrom(leaf.hash, entry - 1, leaves.length, proof);
      if (!proved || hex(proved) !== draw.roster.root) throw new Error("a path leads to its own root");
      return { entry, leaf: `${entry} plc_${leaf.place}`, number: order.indexOf(entry) + 1, proof: proof.map(hex) };
    };
  }
  return result;
}

function agree(draw: Draw, before: Commitment | null, roster: Roster | null, faults: Fault[]): void {
  const same = (what: string, a: unknown, b: unknown, file: string) => {
    if (JSON.stringify(a) !== JSON.stringify(b)) faults.push({ file: "draw.json", entry: null, what: `${what} is not the one of ${file}` });
  };
  if (before) {
    const used = draw.beacon;
    same("the sale", draw.sale, before.sale, "commitment.json");
    same("the commitment", draw.commitment, before.commitment, "commitment.json");
    same("the commitment's time", draw.committed_ms, before.published_ms, "commitment.json");
    const rule = before.beacon && { chain: before.beacon.chain, delay_s: before.beacon.delay_s };
    const without = !used && before.beacon !== null && draw.drawn_ms >= withoutBeaconFrom(before.beacon, draw.closed_ms);
    if (!without) same("the beacon's rule", used && { chain: used.chain, delay_s: used.delay_s }, rule, "commitment.json");
  }
  if (roster) {
    same("the sale", draw.sale, roster.sale, "roster.json");
    same("the time of the close", draw.closed_ms, roster.closed_ms, "roster.json");
    same("the roster's size, root or time", draw.roster, { size: roster.size, root: roster.root, published_ms: roster.published_ms }, "roster.json");
    chunksFit(roster, faults);
  }
}

/** Whether a roster's chunks are as many as its size asks for and lead to its root. */
export function chunksFit(roster: Roster, faults: Fault[]): void {
  const expected = Math.ceil(Math.max(0, roster.size) / CHUNK);
  if (roster.chunks.length !== expected) faults.push({ file: "roster.json", entry: null, what: `has ${roster.chunks.length} chunks, not ${expected}` });
  const got = hex(root(roster.chunks.map(unhex)));
  if (got !== roster.root) faults.push({ file: "roster.json", entry: null, what: `its chunks lead to the root ${got}, not to ${roster.root}` });
}

/** From when on a draw may be made without the beacon that its rule asks for. */
function withoutBeaconFrom(rule: NonNullable<Commitment["beacon"]>, closedMs: number): number {
  const due = timeOfMs(rule.chain, roundAtOrAfter(rule.chain, closedMs + rule.delay_s * 1000));
  return rule.unprovable_after_s === undefined ? Infinity : due + rule.unprovable_after_s * 1000;
}

function unprovable(before: Commitment, roster: Roster, withBeacon: boolean): string[] {
  const reasons: string[] = [];
  if (before.published_ms >= roster.closed_ms) reasons.push("the commitment was published after the lobby had closed");
  if (!before.beacon) return [...reasons, "it has no beacon: who knew the secret could know the order before the roster was fixed"];
  if (!withBeacon) return [...reasons, "the beacon's round was not had in time, and the draw went on without it: who knew the secret could know the order"];
  const { chain, delay_s } = before.beacon;
  if (!isPublic(chain)) reasons.push(`${chain.name} is no public chain: who holds its key could know the order beforehand`);
  const round = roundAtOrAfter(chain, roster.closed_ms + delay_s * 1000);
  if (roster.published_ms >= timeOfMs(chain, round)) reasons.push("the roster was published when the beacon's round was already known");
  return reasons;
}

/** What everyone can compute from draw.json alone. */
function computed(draw: Draw, fault: (what: string) => void): void {
  const secret = unhex(draw.secret);
  const commitment = hex(sha256(utf8("usher-draw-commitment/1\n"), secret));
  if (commitment !== draw.commitment) fault(`the secret's commitment is ${commitment}, not ${draw.commitment}`);
  const used = draw.beacon;
  if (used) {
    const earliest = draw.closed_ms + used.delay_s * 1000;
    if (earliest !== used.earliest_ms) fault(`the close and the delay make ${earliest}, not ${used.earliest_ms}`);
    const round = roundAtOrAfter(used.chain, earliest);
    if (round !== used.round) fault(`this is the signature of round ${used.round}; the rule asks for round ${round}`);
    const refused = refusal(used.chain, used.round, used.signature);
    if (refused) fault(refused);
    const randomness = randomnessOf(used.signature);
    if (randomness !== used.randomness) fault(`the randomness of round ${used.round} is ${randomness}, not ${used.randomness}`);
  }
  const seed = hex(hmacSha256(secret, seedMessage(draw.roster.root, draw.roster.size, used?.randomness ?? "")));
  if (seed !== draw.seed) fault(`secret, roster and beacon make the seed ${seed}, not ${draw.seed}`);
}

/** A list whose lines have known lengths, so that a damaged line never shifts those after it. */
class List {
  private piece = new Uint8Array(0);
  private at = 0;
  private from = 0;
  private readonly hash = running();
  private named = 0;
  constructor(private readonly file: string, private readonly blob: Blob, private readonly faults: Fault[]) {}

  /** The next line of this length; null, with a fault, if the file ends before. Waits only where a new piece has to be read. */
  line(length: number, entry: number): Uint8Array | null | Promise<Uint8Array | null> {
    if (this.at + length > this.piece.length) return this.refill(length, entry);
    const line = this.piece.subarray(this.at, this.at + length);
    this.at += length;
    return line;
  }

  private async refill(length: number, entry: number): Promise<Uint8Array | null> {
    const rest = this.piece.subarray(this.at);
    const more = new Uint8Array(await this.blob.slice(this.from, this.from + PIECE).arrayBuffer());
    this.from += more.length;
    this.hash.update(more);
    const piece = new Uint8Array(rest.length + more.length);
    piece.set(rest);
    piece.set(more, rest.length);
    this.piece = piece;
    this.at = 0;
    if (length > piece.length) {
      this.faults.push({ file: this.file, entry, what: "the file ends in or before this line" });
      return null;
    }
    return this.line(length, entry);
  }

  get count(): number {
    return this.named;
  }

  fault(entry: number | null, what: string): void {
    if (++this.named <= NAMED_MAX) this.faults.push({ file: this.file, entry, what });
  }

  async end(expected: string): Promise<boolean> {
    const whole = (what: string) => void this.faults.push({ file: this.file, entry: null, what });
    if (this.named > NAMED_MAX) whole(`${this.named - NAMED_MAX} further entries are wrong`);
    if (this.at < this.piece.length || this.from < this.blob.size) {
      whole("goes on after its last line");
      return false;
    }
    const got = hex(this.hash.digest());
    if (got !== expected && this.named === 0) {
      whole(`its SHA-256 is ${got}, draw.json says ${expected}`);
      return false;
    }
    return this.named === 0;
  }
}

interface Leaf { hash: Uint8Array; place: string }

async function checkRoster(open: Files, draw: Draw, chunks: string[] | undefined, faults: Fault[], progress: (done: number) => void): Promise<Leaf[] | null> {
  const file = "roster.txt", { size } = draw.roster;
  const blob = await open(file);
  if (!blob) {
    faults.push({ file, entry: null, what: "cannot be read: it is missing" });
    return null;
  }
  const list = new List(file, blob, faults);
  const leaves: Leaf[] = [], roots: Uint8Array[] = [];
  let named = 0;
  for (let entry = 1; entry <= size; entry++) {
    const head = `${entry} plc_`;
    const next = list.line(head.length + 50, entry);
    const line = next instanceof Promise ? await next : next;
    if (!line) return null;
    const end = head.length + 32;
    const leaf = line.subarray(0, end), text = latin(line);
    const hash = leafHash(leaf), place = text.slice(head.length, end), stated = hex(hash.subarray(0, 8));
    leaves.push({ hash, place });
    if (!text.startsWith(head) || !isHex(place, 16)) list.fault(entry, `should be "${head}" and 32 digits, is ${JSON.stringify(text.slice(0, end))}`);
    else if (text.slice(end) !== ` ${stated}\n`) list.fault(entry, `the line was changed: its hash begins with ${stated}, it says ${JSON.stringify(text.slice(end))}`);
    if (entry === size || entry % CHUNK === 0) {
      const start = Math.floor((entry - 1) / CHUNK) * CHUNK;
      const got = root(leaves.slice(start).map((l) => l.hash));
      roots.push(got);
      const wanted = chunks?.[start / CHUNK];
      if (wanted && hex(got) !== wanted && list.count === named) {
        list.fault(start + 1, `this entry was changed, or one up to entry ${entry}: their hash is not the one in roster.json`);
      }
      named = list.count;
      progress(entry / size);
    }
  }
  const got = hex(root(roots));
  if (got !== draw.roster.root && list.count === 0) list.fault(null, `its root is ${got}, draw.json says ${draw.roster.root}`);
  // Wrong lines are named; the numbers can still be compared with the seed.
  await list.end(draw.files[file]!);
  return leaves;
}

/** Ascending by HMAC-SHA256(seed, entry). The first 48 bits decide, and where they are equal, the whole. */
export function orderOf(seed: Uint8Array, size: number, progress: (done: number) => void = () => {}): Uint32Array {
  const tag = tags(seed);
  const heads = new Float64Array(size + 1);
  for (let entry = 1; entry <= size; entry++) {
    const t = tag(entry);
    heads[entry] = ((t[0]! << 16 | t[1]! << 8 | t[2]!) * 0x1000000) + (t[3]! << 16 | t[4]! << 8 | t[5]!);
    if (entry % 16384 === 0) progress(entry / size);
  }
  const order = Uint32Array.from({ length: size }, (_, n) => n + 1);
  order.sort((a, b) => {
    const head = heads[a]! - heads[b]!;
    if (head !== 0) return head;
    const whole = hex(tag(a)), other = hex(tag(b));
    return whole < other ? -1 : whole > other ? 1 : a - b;
  });
  return order;
}

async function checkNumbers(open: Files, draw: Draw, order: Uint32Array, faults: Fault[], progress: (done: number) => void): Promise<boolean> {
  const file = "numbers.txt", blob = await open(file);
  if (!blob) {
    faults.push({ file, entry: null, what: "cannot be read: it is missing" });
    return false;
  }
  const list = new List(file, blob, faults);
  for (let n = 0; n < order.length; n++) {
    const entry = order[n]!, expected = `${n + 1} ${entry}\n`;
    const next = list.line(expected.length, entry);
    const line = next instanceof Promise ? await next : next;
    if (!line) return false;
    const got = latin(line);
    if (got !== expected) list.fault(entry, `line ${n + 1} should be ${JSON.stringify(expected)}, is ${JSON.stringify(got)}`);
    if (n % 16384 === 0) progress(n / order.length);
  }
  const holds = await list.end(draw.files[file]!);
  return holds;
}
