// What a party asked for, in a sentence.

import type { Place, Tier } from "../wire";
import { plural } from "./words";

/** `pick`: they choose their seats themselves. */
export function wishWords(p: Pick<Place, "party" | "wishes">, tiers: readonly Pick<Tier, "id" | "name">[], pick = false): string {
  const w = p.wishes;
  const parts = [plural(p.party, "ticket")];
  if (!w) return parts[0] + ".";
  if (pick) return [...parts, "chosen by yourself", ...(w.accessible ? ["a wheelchair place"] : [])].join(", ") + ".";
  const names = w.tiers.map((id) => tiers.find((t) => t.id === id)?.name ?? id);
  parts.push(names.length ? names.join(" or ") : "the best of all");
  if (names.length && w.other_tiers) parts.push("other prices are fine too");
  if (p.party > 1 && w.apart) parts.push("you would sit apart");
  if (p.party > 1 && w.fewer) parts.push("you would take fewer");
  if (w.accessible) parts.push("a wheelchair place");
  return parts.join(", ") + ".";
}
