// The three signed statements, their shapes, and reading them.

import { ed25519 } from "@noble/curves/ed25519.js";
import { hex, sha256, unhex } from "./hash";

export interface Fault { file: string; entry: number | null; what: string }
export const said = (f: Fault): string => `${f.file}${f.entry === null ? "" : `, entry ${f.entry}`}: ${f.what}`;

export interface SaleNames { id: string; name: string; event: string }
export interface Chain { name: string; hash: string; public_key: string; period_s: number; genesis_s: number; group_hash: string }
export interface Signer { key_id: string; ed25519: string }
export interface Commitment {
  format: string; sale: SaleNames; commitment: string; published_ms: number; beacon: { chain: Chain; delay_s: number; unprovable_after_s?: number } | null; signer: Signer;
}
export interface Roster {
  format: string; sale: SaleNames; closed_ms: number; published_ms: number; size: number; root: string; chunks: string[]; signer: Signer;
}
export interface Draw {
  format: string; provable: boolean; sale: SaleNames; commitment: string; committed_ms: number; closed_ms: number;
  roster: { size: number; root: string; published_ms: number };
  beacon: { chain: Chain; delay_s: number; earliest_ms: number; round: number; signature: string; randomness: string } | null;
  secret: string; seed: string; drawn_ms: number; files: Record<string, string>; signer: Signer;
}

export interface Batch { format: string; sale: string; first: number; last: number; size: number; root: string; acknowledged_ms: number; signer: Signer }
export interface Acknowledgement { statement: Batch; signature: string; line: string; index: number; path: string[] }

export const FILES = ["commitment.json", "commitment.sig", "roster.json", "roster.sig", "roster.txt", "numbers.txt", "draw.json", "draw.sig"] as const;
export const STATEMENT_MAX = 16 * 1024 * 1024;

/** A number is so many bytes of hexadecimal; `[shape]` is a list; `{ maybe }` may be null; `{ either }` is one of two; an object has these fields in this order. */
type Shape = "text" | "number" | "flag" | number | [Shape] | { maybe: Shape } | { either: [Shape, Shape] } | { fields: Record<string, Shape> };

const of = (fields: Record<string, Shape>): Shape => ({ fields });
const sale = of({ id: "text", name: "text", event: "text" });
const signer = of({ key_id: "text", ed25519: 32 });
const chain = of({ name: "text", hash: 32, public_key: 96, period_s: "number", genesis_s: "number", group_hash: 32 });
const files = of(Object.fromEntries(FILES.slice(0, 6).map((name) => [name, 32])));

export const SHAPES = {
  "usher-draw-commitment/1": of({ format: "text", sale, commitment: 32, published_ms: "number", beacon: { maybe: { either: [of({ chain, delay_s: "number" }), of({ chain, delay_s: "number", unprovable_after_s: "number" })] } }, signer }),
  "usher-draw-roster/1": of({ format: "text", sale, closed_ms: "number", published_ms: "number", size: "number", root: 32, chunks: [32], signer }),
  "usher-draw/1": of({
    format: "text", provable: "flag", sale, commitment: 32, committed_ms: "number", closed_ms: "number",
    roster: of({ size: "number", root: 32, published_ms: "number" }),
    beacon: { maybe: of({ chain, delay_s: "number", earliest_ms: "number", round: "number", signature: 48, randomness: 32 }) },
    secret: 32, seed: 32, drawn_ms: "number", files, signer,
  }),
};
const batch = of({ format: "text", sale: "text", first: "number", last: "number", size: "number", root: 32, acknowledged_ms: "number", signer });
export const ACKNOWLEDGEMENT = of({ statement: batch, signature: "text", line: "text", index: "number", path: [32] });

export const isHex = (v: unknown, bytes: number): boolean => typeof v === "string" && v.length === 2 * bytes && /^[0-9a-f]*$/.test(v);

/** The first place where a value has not its shape. */
export function misshapen(v: unknown, shape: Shape, where: string): string | null {
  if (typeof shape === "number") return isHex(v, shape) ? null : `${where} is not ${2 * shape} lower-case hexadecimal digits`;
  if (shape === "text") return typeof v === "string" ? null : `${where} is not a text`;
  if (shape === "flag") return typeof v === "boolean" ? null : `${where} is neither true nor false`;
  if (shape === "number") return Number.isSafeInteger(v) ? null : `${where} is not a whole number`;
  if (Array.isArray(shape)) {
    if (!Array.isArray(v)) return `${where} is not a list`;
    return first(v.map((item, n) => () => misshapen(item, shape[0], `${where}[${n}]`)));
  }
  if ("maybe" in shape) return v === null ? null : misshapen(v, shape.maybe, where);
  if ("either" in shape) return misshapen(v, shape.either[1], where) === null ? null : misshapen(v, shape.either[0], where);
  const names = Object.keys(shape.fields);
  if (typeof v !== "object" || v === null || Object.keys(v).join() !== names.join()) return `${where} has not the fields ${names.join(", ")}, in this order`;
  return first(names.map((name) => () => misshapen((v as Record<string, unknown>)[name], shape.fields[name]!, name)));
}

function first(tries: (() => string | null)[]): string | null {
  for (const t of tries) {
    const found = t();
    if (found) return found;
  }
  return null;
}

/** A draw's file by its name, or null where there is none. */
export type Files = (name: string) => Promise<Blob | null>;

async function whole(open: Files, file: string, expected?: string): Promise<Uint8Array | Fault> {
  const fault = (what: string): Fault => ({ file, entry: null, what });
  const blob = await open(file);
  if (!blob) return fault("cannot be read: it is missing");
  if (blob.size > STATEMENT_MAX) return fault(`is longer than ${STATEMENT_MAX} bytes`);
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const got = hex(sha256(bytes));
  return expected && got !== expected ? fault(`was changed: its SHA-256 is ${got}, draw.json says ${expected}`) : bytes;
}

/** Reads NAME.json, whose bytes NAME.sig signs; with their hashes, a changed file is named before anything in it is believed. */
export async function statement<S>(open: Files, name: string, format: keyof typeof SHAPES, hashes?: Record<string, string>): Promise<{ said: S } | { faults: Fault[] }> {
  const json = `${name}.json`, sig = `${name}.sig`;
  const refused = (file: string, what: string) => ({ faults: [{ file, entry: null, what }] });
  const [bytes, line] = [await whole(open, json, hashes?.[json]), await whole(open, sig, hashes?.[sig])];
  const unread = [bytes, line].filter((part): part is Fault => !(part instanceof Uint8Array));
  if (!(bytes instanceof Uint8Array) || !(line instanceof Uint8Array)) return { faults: unread };
  let text: string, value: { format?: unknown; signer: Signer };
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch (e) {
    return refused(json, `cannot be read: ${(e as Error).message}`);
  }
  if (value?.format !== format) return refused(json, `the format is ${JSON.stringify(value?.format)}; this reads "${format}"`);
  const wrong = misshapen(value, SHAPES[format], "it");
  if (wrong) return refused(json, wrong);
  if (spelled(value) !== text) return refused(json, "is not in the one spelling that is signed");
  const signature = line.length === 89 && line[88] === 10 ? base64(latin(line.subarray(0, 88))) : null;
  if (!signature) return refused(sig, "the signature is not one line of base64 with 64 bytes");
  if (!(await signed(signature, bytes, unhex(value.signer.ed25519)))) {
    return refused(json, `${sig} is not the signature of this statement by ${value.signer.ed25519}: one of the two was changed`);
  }
  return { said: value as S };
}

/** A statement in its one spelling. */
export const spelled = (statement: unknown): string => JSON.stringify(statement, null, 2) + "\n";
export const latin = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

/** The 64 bytes of a signature. */
export function base64(text: string): Uint8Array | null {
  try {
    const raw = atob(text);
    return raw.length === 64 && btoa(raw) === text ? Uint8Array.from(raw, (c) => c.charCodeAt(0)) : null;
  } catch {
    return null;
  }
}

/** By WebCrypto where it knows Ed25519 (it is away on plain HTTP), else by noble. */
export async function signed(signature: Uint8Array, bytes: Uint8Array, key: Uint8Array): Promise<boolean> {
  const subtle = globalThis.crypto?.subtle;
  try {
    const imported = await subtle!.importKey("raw", key as BufferSource, { name: "Ed25519" }, false, ["verify"]);
    return await subtle!.verify({ name: "Ed25519" }, imported, signature as BufferSource, bytes as BufferSource);
  } catch {
    try {
      return ed25519.verify(signature, bytes, key, { zip215: false });
    } catch {
      return false;
    }
  }
}
