// What a party is asked to take instead, in words, and what it wishes for once it agrees.

import type { Place, Question, Tier, Wishes } from "../wire";
import { plural } from "./words";

/** "2 tickets, not side by side, in Stalls or Balcony" */
export function questionWords(q: Question, tiers: readonly Pick<Tier, "id" | "name">[]): string {
  const names = q.tiers.map((id) => tiers.find((t) => t.id === id)?.name ?? id);
  const how = q.seats < 2 ? "" : q.apart ? ", not side by side," : " side by side";
  return `${plural(q.seats, "ticket")}${how} in ${names.join(" and ")}`;
}

/** What the party asks for once it agrees: so many, and the place's wishes, widened as far as what is offered needs. */
export function agreed(q: Question, place: Pick<Place, "wishes">): { party: number; wishes: Wishes } {
  const w = place.wishes ?? { tiers: [], other_tiers: false, apart: true, fewer: false, accessible: false };
  return {
    party: q.seats,
    wishes: { ...w, other_tiers: w.other_tiers || (w.tiers.length > 0 && q.tiers.some((id) => !w.tiers.includes(id))), apart: w.apart || q.apart },
  };
}
