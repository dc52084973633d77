// A small search over the free seats: so many side by side, in which tier, near which seat. The server chooses by more than this where it
// assigns seats; here it is a help for who picks.

import { ACCESSIBLE, COMPANION, distance, END, sectionOf, type Hall } from "./hall";

/** Windows looked at again, of those that do not share a seat. */
const BEST = 12;

export interface Search {
  hall: Hall;
  /** Whether this fan might have the place. */
  free: (place: number) => boolean;
  /** Indices of tiers; nothing for any. */
  tiers?: ReadonlySet<number>;
  /** One of them must be a wheelchair place. */
  wheelchair?: boolean;
}

/** Calls for every `n` free neighbours, with how many seats would be left alone beside them. */
function windows(s: Search, n: number, visit: (first: number, singles: number) => void): void {
  const { hall } = s;
  const fits = (i: number): boolean => s.free(i) && (!s.tiers || s.tiers.has(hall.tierOf[i]!));
  for (let from = 0; from < hall.seats; ) {
    if (!fits(from)) {
      from++;
      continue;
    }
    let end = from + 1;
    while (end < hall.seats && !(hall.flags[end - 1]! & END) && fits(end)) end++;
    for (let first = from; first + n <= end; first++) {
      if (s.wheelchair && !some(hall, first, n, ACCESSIBLE)) continue;
      visit(first, Number(first - from === 1) + Number(end - first - n === 1));
    }
    from = end;
  }
}

function some(hall: Hall, first: number, n: number, flag: number): boolean {
  for (let i = first; i < first + n; i++) if (hall.flags[i]! & flag) return true;
  return false;
}

const these = (first: number, n: number): number[] => Array.from({ length: n }, (_, i) => first + i);

/** `n` side by side, among the best: which of the best is left to chance, so that not all who search at once want the same. */
export function together(s: Search, n: number, random: () => number = Math.random): number[] | null {
  const found: { first: number; singles: number; quality: number }[] = [];
  windows(s, n, (first, singles) => {
    let quality = 0;
    for (let i = first; i < first + n; i++) quality += s.hall.quality[i]!;
    found.push({ first, singles, quality });
  });
  found.sort((a, b) => a.singles - b.singles || a.quality - b.quality);
  const best: number[] = [];
  for (const f of found) {
    if (best.length === BEST) break;
    if (best.every((b) => Math.abs(b - f.first) >= n)) best.push(f.first);
  }
  const first = best[Math.floor(random() * best.length)];
  return first === undefined ? null : these(first, n);
}

/** `n` side by side as near to a seat as there are some. */
export function beside(s: Search, n: number, seat: number): number[] | null {
  let least = Infinity, at = -1;
  windows(s, n, (first, singles) => {
    let far = singles * s.hall.spacing * 0.5;
    for (let i = first; i < first + n; i++) far += distance(s.hall, i, seat);
    // Around the seat itself first.
    if (first > seat || seat >= first + n) far += s.hall.spacing * n;
    if (far < least) {
      least = far;
      at = first;
    }
  });
  return at < 0 ? null : these(at, n);
}

/** How many side by side there are at most, up to `most`. */
export function longest(s: Search, most: number): number {
  for (let n = most; n > 0; n--) {
    let any = false;
    windows(s, n, () => (any = true));
    if (any) return n;
  }
  return 0;
}

/** Some free unit of an area; by chance, since all who want one want any. */
export function anyUnit(free: (place: number) => boolean, first: number, end: number, random: () => number = Math.random): number | undefined {
  const start = first + Math.floor(random() * (end - first));
  for (let i = 0; i < end - first; i++) {
    const place = first + ((start - first + i) % (end - first));
    if (free(place)) return place;
  }
  return undefined;
}

/** When a party without need may ask for wheelchair places and their companions' seats, too: once nothing else is left, as the event's
 * rule has it. What is held cannot be told from what is sold here, so the server may still say no. */
export function keptFor(hall: Hall, release: "house" | "section" | "tier" | "never" | undefined, taken: (place: number) => boolean): (seat: number) => boolean {
  const plain = (i: number): boolean => i >= hall.seats || !(hall.flags[i]! & (ACCESSIBLE | COMPANION));
  const left = (first: number, end: number, also: (i: number) => boolean = () => true): boolean => {
    for (let i = first; i < end; i++) if (plain(i) && also(i) && !taken(i)) return true;
    return false;
  };
  const known = new Map<number, boolean>();
  const still = (key: number, ask: () => boolean): boolean => {
    if (!known.has(key)) known.set(key, ask());
    return known.get(key)!;
  };
  return (seat) => {
    if (seat >= hall.seats || plain(seat)) return false;
    if (release === "never") return true;
    if (release === "section") return still(hall.rows[hall.rowOf[seat]!]!.section, () => left(sectionOf(hall, seat).first, sectionOf(hall, seat).end));
    if (release === "tier") return still(hall.tierOf[seat]!, () => left(0, hall.capacity, (i) => hall.tierOf[i] === hall.tierOf[seat]));
    return still(0, () => left(0, hall.capacity));
  };
}
