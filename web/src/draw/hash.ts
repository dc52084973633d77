// Hashes, hexadecimal, and the Merkle tree of RFC 6962. Millions of short hashes are made here, so they are computed at once:
// WebCrypto's promises would cost more than the hashing.

import { hmac } from "@noble/hashes/hmac.js";
import { sha256 as hash } from "@noble/hashes/sha2.js";

export const utf8 = (s: string): Uint8Array => new TextEncoder().encode(s);

export function hex(bytes: Uint8Array): string {
  let s = "";
  for (const b of bytes) s += (b < 16 ? "0" : "") + b.toString(16);
  return s;
}

export function unhex(s: string): Uint8Array {
  return Uint8Array.from({ length: s.length / 2 }, (_, n) => parseInt(s.slice(2 * n, 2 * n + 2), 16));
}

export function join(...parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    all.set(p, at);
    at += p.length;
  }
  return all;
}

export const sha256 = (...parts: Uint8Array[]): Uint8Array => hash(join(...parts));
export const running = () => hash.create();

export function u64(n: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(n));
  return bytes;
}

export const hmacSha256 = (key: Uint8Array, ...parts: Uint8Array[]): Uint8Array => hmac(hash, key, join(...parts));

/** HMAC-SHA256 of entries under one key. */
export function tags(seed: Uint8Array): (entry: number) => Uint8Array {
  const base = hmac.create(hash, seed);
  return (entry) => base.clone().update(u64(entry)).digest();
}

// ---------------------------------------------------------------- the tree

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);
export const leafHash = (data: Uint8Array): Uint8Array => sha256(LEAF, data);

/** The root over hashes of leaves, or of subtrees of one power of two of leaves, of which only the last may be smaller. */
export function root(hashes: readonly Uint8Array[]): Uint8Array {
  let level = hashes;
  while (level.length > 1) level = above(level);
  return level[0] ?? sha256();
}

function above(level: readonly Uint8Array[]): Uint8Array[] {
  const next: Uint8Array[] = [];
  for (let n = 0; n < level.length; n += 2) {
    const right = level[n + 1];
    next.push(right ? sha256(NODE, level[n]!, right) : level[n]!);
  }
  return next;
}

/** The siblings of a hash on its way to the root, lowest first. */
export function path(hashes: readonly Uint8Array[], index: number): Uint8Array[] {
  const siblings: Uint8Array[] = [];
  for (let level = hashes, at = index; level.length > 1; level = above(level), at >>= 1) {
    const sibling = level[at ^ 1];
    if (sibling) siblings.push(sibling);
  }
  return siblings;
}

/** The root that a leaf's hash and its siblings lead to (RFC 9162, section 2.1.3.2). */
export function rootFrom(leaf: Uint8Array, index: number, size: number, siblings: readonly Uint8Array[]): Uint8Array | null {
  if (index >= size) return null;
  let at = index, last = size - 1, got = leaf;
  const half = (n: number) => Math.floor(n / 2);
  for (const sibling of siblings) {
    if (last === 0) return null;
    if (at % 2 === 1 || at === last) {
      got = sha256(NODE, sibling, got);
      while (at % 2 === 0 && at !== 0) {
        at = half(at);
        last = half(last);
      }
    } else {
      got = sha256(NODE, got, sibling);
    }
    at = half(at);
    last = half(last);
  }
  return last === 0 ? got : null;
}
