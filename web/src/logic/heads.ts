// The heads of a sale's log that this browser was told while it waited, and whether they are the published ones.

import type { ToldHead } from "../wire";

/** Heads kept of one sale, at most: those of two hours. */
export const HEADS_KEPT = 120;

const same = (a: ToldHead, b: ToldHead): boolean => a.seq === b.seq && a.hash === b.hash && a.key_id === b.key_id && a.at_ms === b.at_ms;

/** What is kept after one more was told: by number, each once, but both of two that have one number and differ. */
export function withHead(kept: ToldHead[], told: ToldHead): ToldHead[] {
  if (kept.some((k) => same(k, told))) return kept;
  return [...kept, told].sort((a, b) => a.seq - b.seq).slice(-HEADS_KEPT);
}

/** A told head that is not the published one; without `published`, none of its number is. */
export interface Wrong { told: ToldHead; published?: ToldHead }

/** Those of the told heads that are not the published ones. */
export function wrongHeads(told: ToldHead[], published: ToldHead[]): Wrong[] {
  const by = new Map(published.map((p) => [p.seq, p]));
  return told.filter((t) => !by.has(t.seq) || !same(t, by.get(t.seq)!)).map((t) => ({ told: t, published: by.get(t.seq) }));
}

/** Enough of a hash to compare by eye. */
export const shortHash = (hash: string): string => hash.slice(0, 16);

const words = (head: ToldHead): string => `${head.hash} (key ${head.key_id}, ${new Date(head.at_ms).toISOString()})`;

/** What is wrong, in words. */
export function wrongWords({ told, published }: Wrong): string {
  return `Head ${told.seq} was told as ${words(told)} and is ${published ? `published as ${words(published)}` : "not published"}.`;
}
