// What a fan holds, what they want to hold, and what was last asked of the server. One request is under way at a time; clicks meanwhile
// change the wish, and the newest wish is what is asked next.

export function same(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((s) => b.includes(s));
}

export class Picks {
  /** As the server answered last, in the order in which they were picked. */
  held: number[] = [];
  wish: number[] = [];
  asking: number[] | null = null;
  /** The wish was made in one piece, and is given up in one piece. */
  private whole = false;
  private askedWhole = false;
  /** An answer was lost: what is held may be what was asked. */
  private unsure = false;

  /** Whether an answer was lost, so that what is held may be what was asked. */
  get uncertain(): boolean {
    return this.unsure;
  }

  constructor(public party: number) {}

  /** A click on a seat: one of their own is given up, another is wanted. `full`: everybody has a seat already, nothing changed. */
  toggle(seat: number): "changed" | "full" {
    if (this.wish.includes(seat)) this.wish = this.wish.filter((s) => s !== seat);
    else if (this.wish.length < this.party) this.wish = [...this.wish, seat];
    else if (this.party === 1) this.choose([seat]);
    else return "full";
    return "changed";
  }

  /** Wants exactly these: if one of them is gone, what is held stays. */
  choose(seats: readonly number[]): void {
    this.wish = [...seats];
    this.whole = true;
  }

  /** What to ask for now, if anything; it is under way from then on. */
  next(): number[] | null {
    if (this.asking || (same(this.wish, this.held) && !this.unsure)) return null;
    this.askedWhole = this.whole;
    this.whole = false;
    return (this.asking = [...this.wish]);
  }

  took(seats: readonly number[]): void {
    const asked = this.asking ?? [];
    this.asking = null;
    this.unsure = false;
    const settled = same(this.wish, asked);
    this.held = [...asked.filter((s) => seats.includes(s)), ...seats.filter((s) => !asked.includes(s))];
    if (settled) this.wish = [...this.held];
  }

  /** Some were gone and nothing changed: what else was wanted is wanted still, unless it was one piece with what is gone. Which of the
   * clicks since then nobody of the party is left for. */
  refused(taken: readonly number[]): number[] {
    const asked = this.asking ?? [];
    const hit = this.wish.some((s) => taken.includes(s));
    if (!this.whole && this.askedWhole) return this.passOver();
    this.asking = null;
    this.unsure = false;
    if (this.whole && hit) this.keep();
    else if (!this.whole) this.wish = this.wish.filter((s) => !taken.includes(s));
    // An answer that names none of them would be asked for again and again.
    if (same(this.wish, asked)) this.keep();
    return [];
  }

  /** What was asked for is given up, and what is held stays; what was clicked since then is wanted still, as far as the party goes. What is
   * left over. */
  passOver(): number[] {
    const asked = this.asking ?? [];
    this.asking = null;
    this.unsure = false;
    let over: number[] = [];
    if (!this.whole) {
      const stay = this.held.filter((s) => this.wish.includes(s) || (this.askedWhole && !asked.includes(s)));
      const more = this.wish.filter((s) => !asked.includes(s) && !stay.includes(s));
      const room = Math.max(0, this.party - stay.length);
      this.wish = [...stay, ...more.slice(0, room)];
      over = more.slice(room);
    }
    // It would be asked for again and again.
    if (same(this.wish, asked)) this.keep();
    return over;
  }

  /** Puts others in the place of those that were gone, where it does not matter which. Whether all could be. */
  instead(taken: readonly number[], other: (seat: number) => number | undefined): boolean {
    const wish: number[] = [];
    for (const s of this.wish) {
      const to = taken.includes(s) ? other(s) : s;
      if (to === undefined || wish.includes(to)) return false;
      wish.push(to);
    }
    this.wish = wish;
    this.whole = this.whole || this.askedWhole;
    this.asking = null;
    return true;
  }

  /** Refused for good: what is held stays, and nothing more is wanted. */
  keep(): void {
    this.asking = null;
    this.unsure = false;
    this.whole = false;
    this.wish = [...this.held];
  }

  /** "Later", or no answer at all (`lost`), after which it is not known what became of it: the wish stands. */
  again(lost: boolean): void {
    this.asking = null;
    this.unsure ||= lost;
    this.whole = this.whole || this.askedWhole;
  }

  /** The server says what is held, without having been asked for seats. What changed elsewhere changes in the wish, too, so that the next
   * request does not undo it. */
  adopt(seats: readonly number[]): void {
    if (this.asking) return;
    this.unsure = false;
    const fresh = seats.filter((s) => !this.held.includes(s));
    if (!this.whole) this.wish = [...this.wish.filter((s) => seats.includes(s) || !this.held.includes(s)), ...fresh.filter((s) => !this.wish.includes(s))];
    this.held = [...this.held.filter((s) => seats.includes(s)), ...fresh];
    // The newest clicks nobody of the party is left for.
    const more = this.wish.filter((s) => !this.held.includes(s));
    const room = this.party - (this.wish.length - more.length);
    this.wish = this.wish.filter((s) => this.held.includes(s) || more.indexOf(s) < room);
  }
}
