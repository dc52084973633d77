// The public randomness: which round a draw takes, and whether a signature is that round's. drand's unchained networks with
// signatures on G1 (`bls-unchained-g1-rfc9380`).

import { bls12_381 } from "@noble/curves/bls12-381.js";
import { hex, join, sha256, u64, unhex, utf8 } from "./hash";
import type { Chain } from "./statements";

const DOMAIN = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";
const NEAR = 20;

/** https://api.drand.sh/52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971/info */
export const QUICKNET: Chain = {
  name: "quicknet",
  hash: "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971",
  public_key: "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a",
  period_s: 3,
  genesis_s: 1692803367,
  group_hash: "f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e",
};

export const isPublic = (chain: Chain): boolean => JSON.stringify(chain) === JSON.stringify(QUICKNET);

export function chainHash(chain: Chain): string {
  const numbers = new DataView(new ArrayBuffer(12));
  numbers.setUint32(0, chain.period_s);
  numbers.setBigInt64(4, BigInt(chain.genesis_s));
  return hex(sha256(new Uint8Array(numbers.buffer), unhex(chain.public_key), unhex(chain.group_hash), utf8(chain.name)));
}

export function roundAtOrAfter(chain: Chain, timeMs: number): number {
  return Math.ceil(Math.max(0, timeMs - chain.genesis_s * 1000) / (chain.period_s * 1000)) + 1;
}

export const timeOfMs = (chain: Chain, round: number): number => (chain.genesis_s + (round - 1) * chain.period_s) * 1000;

/** Why a signature is not the chain's for a round; null if it is. */
export function refusal(chain: Chain, round: number, signature: string): string | null {
  if (chainHash(chain) !== chain.hash) return `chain ${chain.name} calls itself ${chain.hash}, but its parameters hash to ${chainHash(chain)}`;
  const bls = bls12_381.shortSignatures;
  let key;
  try {
    key = bls12_381.G2.Point.fromBytes(unhex(chain.public_key));
    key.assertValidity();
    if (key.is0()) throw new Error("the point at infinity");
  } catch (e) {
    return `the public key of chain ${chain.name} is not a key: ${(e as Error).message}`;
  }
  let point;
  try {
    point = bls12_381.G1.Point.fromBytes(unhex(signature));
    point.assertValidity();
    if (point.is0()) throw new Error("the point at infinity");
  } catch (e) {
    return `not a beacon's signature: ${(e as Error).message}`;
  }
  const signs = (n: number) => bls.verify(point, bls.hash(sha256(u64(n)), DOMAIN), key);
  if (signs(round)) return null;
  for (let n = Math.max(1, round - NEAR); n <= round + NEAR; n++) {
    if (n !== round && signs(n)) return `this is the signature of round ${n}; the rule asks for round ${round}`;
  }
  return `the key of chain ${chain.name} did not sign round ${round} so: another key's or another chain's signature`;
}

export const randomnessOf = (signature: string): string => hex(sha256(unhex(signature)));

/** The bytes that the seed is made of, after the secret. */
export const seedMessage = (rootHex: string, size: number, randomness: string): Uint8Array => join(unhex(rootHex), u64(size), unhex(randomness));
