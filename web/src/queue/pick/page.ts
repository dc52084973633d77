// What happens on the map: clicks become wishes, answers become words, and everything shown follows.

import type { Problem } from "../../api";
import { call } from "../../api";
import { anyUnit, beside, keptFor, longest, together, type Search } from "../../logic/find-seats";
import { areaOf, nameOf, namesOf, type Hall } from "../../logic/hall";
import { Picks } from "../../logic/picked";
import { plural } from "../../logic/words";
import type { Booking, Joined, SeatsMoved, SeatsTaken, View } from "../../wire";
import { left as holdLeft, shopsLeft, type Acts, type App } from "../app";
import { Asks } from "./ask";
import { Follow } from "./follow";
import type { Shown } from "./map";

/** Seats that were gone when asked for are not offered again for so long, even where the news of it is not here yet. */
const GONE_MS = 3_000;
/** Other units of an area that are tried by themselves. */
const UNIT_TRIES = 6;
/** News of the place that come so long after an answer know of it. */
const LAG_MS = 1_000;
/** How often the booking is read while it does not fit the place's news. */
const SYNC_MS = 3_000;
/** Refusals that are about the seats that were asked for, and say nothing of others. */
const OF_THE_SEATS = ["accessible-only", "allotment-taken"];
const READING = "One moment, we are reading what you hold. Then choose again.";
const FETCHING = "Which seats are free is still being fetched.";

/** What stands above the map. */
export type Told =
  | { kind: "lost"; seats: readonly number[]; nearest: readonly number[] }
  | { kind: "full"; seat: number; all: number[] | null }
  | { kind: "trouble"; problem: Problem };

const leftOver = (hall: Hall, seats: readonly number[]): string => `${namesOf(hall, seats)} ${seats.length > 1 ? "were" : "was"} not asked for: all your tickets have places.`;

export class PickPage {
  readonly picks: Picks;
  readonly asks: Asks;
  readonly follow: Follow;
  dimmed = new Set<number>();
  pointed: number | null = null;
  told: Told | null = null;
  /** The last thing that happened, in words. */
  said = "";
  /** The hold's end as the last answer to a pick told it; the place's news may come later. */
  deadline: number | undefined;
  /** What is shown may be behind, since when. */
  behindSince: number | null = null;
  /** When the page began, by its monotonic clock. */
  readonly since = performance.now();
  /** Whether it is known which seats are free. */
  loaded = false;
  /** Why it could not be read what is held, where it could not. */
  readFault: Problem | null = null;
  /** Counts changes, for who redraws what. */
  turn = 0;
  /** Counts changes of what is taken. */
  moves = 0;
  private gone = new Map<number, number>();
  private unitTries = 0;
  private tookAt = 0;
  /** The booking whose seats are held, as far as is known here. */
  private booking: string | undefined;
  /** What the place's news said of the hold when the booking was read last. */
  private readBy: string | undefined;
  /** Something changed what is held; what exactly only the booking tells. */
  private doubted = false;
  private doubts = 0;
  private reading = false;
  private nextRead = -Infinity;
  private wheelchair: boolean;
  private keptNow: ((seat: number) => boolean) | undefined;
  private prices = new Map<number, number>();
  /** Draws anew, soon. */
  redraw: () => void = () => {};
  /** Brings seats into sight. */
  show: (seats: readonly number[]) => void = () => {};
  private receipt: string;

  constructor(readonly app: App, readonly acts: Acts, readonly hall: Hall, mine: Joined["place"], otherHall: () => void) {
    this.picks = new Picks(mine.party);
    this.wheelchair = mine.wishes?.accessible === true;
    this.receipt = app.kept!.receipt;
    this.asks = new Asks(app, this.picks, {
      known: () => this.known,
      changed: () => this.changed(),
      refused: (p) => this.refused(p),
      taken: (t, asked) => this.lost(t, asked),
      took: (p) => {
        this.unitTries = 0;
        this.deadline = p.deadline_ms;
        this.tookAt = Date.now();
        this.booking = p.booking_id;
        this.readBy = undefined;
        this.settled();
        // The booking has other seats now; it is read again where it is shown.
        app.booking = undefined;
        if (!app.onMap) acts.reloadBooking();
        this.say(p.seats.length ? `Yours now: ${namesOf(hall, p.seats)}.` : "You hold no seats any more.");
      },
    });
    this.follow = new Follow(app.event!.event_id, {
      changed: (m) => this.seatsMoved(m),
      behind: (yes) => {
        if (yes !== (this.behindSince !== null)) this.changed();
        this.behindSince = yes ? (this.behindSince ?? performance.now()) : null;
      },
      otherHall,
    });
    this.back();
  }

  /** The map is shown: for the first time, or again. */
  back(): void {
    const { view, booking } = this.app;
    if (!view?.hold || this.picks.asking) return;
    if (booking?.booking_id === view.hold.booking_id && booking.seats.length === view.hold.seats) return this.adopt(booking);
    this.doubt();
    void this.sync();
  }

  /** Whether it is known what is held. A pick replaces that, so while it is not known nothing is asked. */
  get known(): boolean {
    const { view } = this.app;
    if (!view || this.doubted) return false;
    return this.picks.asking !== null || this.asks.pause !== null || !this.differs || this.news(view) === this.readBy;
  }

  /** Whether the place's news say something else than what is held here, and are not just late. */
  private get differs(): boolean {
    const { view, viewAt } = this.app;
    if (!view || viewAt <= this.tookAt + LAG_MS) return false;
    return (view.hold?.seats ?? 0) !== this.picks.held.length || (view.hold !== undefined && view.hold.booking_id !== this.booking);
  }

  private news(view: View): string {
    return view.hold ? `${view.hold.booking_id} ${view.hold.seats}` : "";
  }

  private doubt(): void {
    this.doubted = true;
    this.doubts++;
  }

  private settled(): void {
    this.doubted = false;
    this.readFault = null;
    if (this.said === READING) this.said = "";
  }

  /** Whether something may be asked now; if not, that is said. */
  private ready(): boolean {
    if (!this.known) this.say(READING);
    return this.known;
  }

  get needsWheelchair(): boolean {
    return this.wheelchair;
  }

  /** Somebody has it, or had it when it was asked for a moment ago. */
  taken = (place: number): boolean => !this.follow.taken || this.follow.taken.has(place) || (this.gone.size > 0 && (this.gone.get(place) ?? 0) > performance.now());

  kept = (seat: number): boolean => {
    if (this.wheelchair) return false;
    this.keptNow ??= keptFor(this.hall, this.app.event?.accessible_release, this.taken);
    return this.keptNow(seat);
  };

  free = (place: number): boolean => !this.taken(place) && !this.kept(place) && !this.picks.wish.includes(place);

  private freeOrOwn = (place: number): boolean => this.free(place) || this.picks.held.includes(place);

  /** What the canvas shows. */
  shown(): Shown {
    const { held, wish } = this.picks;
    return {
      taken: this.taken, kept: this.kept, dimmed: this.dimmed,
      own: held.filter((s) => wish.includes(s)), asking: wish.filter((s) => !held.includes(s)), leaving: held.filter((s) => !wish.includes(s)),
      offered: this.told?.kind === "lost" ? this.told.nearest.filter((s) => !held.includes(s)) : this.told?.kind === "full" ? [...(this.told.all ?? []), this.told.seat].filter((s) => !held.includes(s)) : [],
    };
  }

  /** Milliseconds left to look for seats, or to pay for those held; nothing where that is not known. */
  left(): { ms: number; hold: boolean; frozen?: string } | undefined {
    const v = this.app.view;
    if (v?.hold) return { ms: holdLeft(this.app), hold: true, frozen: v.hold.frozen };
    if (this.deadline !== undefined && this.picks.held.length > 0) return { ms: this.app.clock.left(this.deadline), hold: true };
    const ms = shopsLeft(this.app);
    return ms === undefined ? undefined : { ms, hold: false, frozen: v?.shops_frozen };
  }

  get over(): boolean {
    const left = this.left();
    return left !== undefined && left.ms <= 0 && left.frozen === undefined;
  }

  /** Everything was given back, and the time to pay goes on. */
  get emptyHold(): boolean {
    return this.app.view?.hold?.seats === 0 && this.picks.held.length === 0 && this.picks.wish.length === 0;
  }

  price(place: number, otherwise: number): number {
    return this.prices.get(place) ?? otherwise;
  }

  // ---------------------------------------------------------------- what the fan does

  /** A click or a tap on a seat, wherever it is shown. */
  tap(seat: number): void {
    this.pointed = seat;
    if (!this.ready()) return;
    this.clear();
    const mine = this.picks.wish.includes(seat) || this.picks.held.includes(seat);
    if (!mine && !this.loaded) this.say(FETCHING);
    else if (!mine && !this.free(seat)) this.changed();
    else if (this.picks.toggle(seat) === "full") {
      const all = beside({ hall: this.hall, free: this.freeOrOwn }, this.picks.party, seat);
      this.tell({ kind: "full", seat, all: all && all.length > 1 ? all : null });
    } else this.go();
  }

  /** One more or one fewer of an area. */
  step(first: number, end: number, more: boolean): void {
    if (!this.ready()) return;
    this.clear();
    if (more && !this.loaded) return this.say(FETCHING);
    const mine = this.picks.wish.filter((p) => p >= first && p < end);
    const place = more ? anyUnit(this.free, first, end) : mine[mine.length - 1];
    if (place === undefined) return this.say(more ? "None is free there just now." : "You have none there.");
    if (this.picks.toggle(place) === "full") return this.say(`All your ${plural(this.picks.party, "ticket")} have places. Give one back first.`);
    this.go();
  }

  /** Exactly these, or all stays as it is. */
  choose(seats: readonly number[]): void {
    if (!this.ready()) return;
    this.clear();
    this.picks.choose(seats);
    this.show(seats);
    this.go();
  }

  /** In place of the seat picked longest ago. */
  swap(seat: number): void {
    this.choose([...this.picks.wish.slice(1), seat]);
  }

  /** Looks for `n` side by side and takes them; whom nothing fits is told what there is. */
  find(n: number, tier: number | undefined, wheelchair: boolean): void {
    if (!this.ready()) return;
    this.clear();
    if (!this.loaded) return this.say(FETCHING);
    const search: Search = { hall: this.hall, free: this.free, tiers: tier === undefined ? undefined : new Set([tier]), wheelchair };
    const found = together(search, n);
    if (found) {
      const keep = this.picks.party - n;
      return this.choose([...(keep > 0 ? this.picks.held.slice(-keep) : []), ...found]);
    }
    const where = `${wheelchair ? " with a wheelchair place" : ""}${tier === undefined ? "" : ` in ${this.hall.tiers[tier]!.name}`}`;
    const most = longest(search, n - 1);
    this.say(`There ${n === 1 ? "is no seat" : `are no ${n} side by side`}${where} just now.${most > 1 ? ` There are ${most} side by side.` : most === 1 ? " There are single seats." : ""}`);
  }

  dismiss(): void {
    this.clear();
    this.changed();
  }

  private clear(): void {
    this.told = null;
    this.said = "";
  }

  point(seat: number | null): void {
    this.pointed = seat;
    this.changed();
  }

  private go(): void {
    this.asks.go();
    this.changed();
  }

  // ---------------------------------------------------------------- what the server says

  private lost(t: SeatsTaken, asked: readonly number[]): void {
    const until = performance.now() + GONE_MS;
    for (const s of t.taken) this.gone.set(s, until);
    // Which unit of an area it is matters to nobody.
    const areas = t.taken.every((s) => s >= this.hall.seats);
    if (areas && t.taken.length > 0 && this.unitTries++ < UNIT_TRIES) {
      const used = new Set(this.picks.wish);
      const other = (seat: number): number | undefined => {
        const area = areaOf(this.hall, seat)!;
        const free = (p: number): boolean => !this.taken(p) && !used.has(p);
        const to = t.nearest.find((p) => p >= area.first && p < area.end && free(p)) ?? anyUnit(free, area.first, area.end);
        if (to !== undefined) used.add(to);
        return to;
      };
      if (this.picks.instead(t.taken, other)) return;
    }
    this.unitTries = 0;
    const left = this.picks.refused(t.taken);
    const nearest = t.nearest.filter((s) => s < this.hall.capacity);
    // Where more was clicked meanwhile that is asked for first.
    const goesOn = this.picks.wish.some((s) => !this.picks.held.includes(s));
    this.tell({ kind: "lost", seats: t.taken.length ? t.taken : asked, nearest: goesOn ? [] : nearest });
    if (left.length) this.say(leftOver(this.hall, left));
    if (!goesOn && nearest.length) this.show([...nearest.filter((s) => !this.picks.held.includes(s)), ...t.taken]);
  }

  private refused(p: Problem): void {
    let left: number[] = [];
    if (OF_THE_SEATS.includes(p.code)) left = this.picks.passOver();
    else this.picks.keep();
    if (p.code === "place-moved") return this.acts.moved();
    if (p.code === "payment-under-way") this.acts.reloadBooking();
    // How many they are, or what they need, may have been changed meanwhile.
    if (p.status === 422) void this.readPlace();
    this.tell({ kind: "trouble", problem: p });
    if (left.length) this.say(leftOver(this.hall, left));
  }

  private seatsMoved(m?: SeatsMoved): void {
    this.moves++;
    this.keptNow = undefined;
    this.loaded = true;
    // The booking was changed somewhere else.
    if (m?.freed.some((s) => this.picks.held.includes(s)) && !this.picks.asking) {
      this.doubt();
      void this.sync();
    }
    this.changed();
  }

  private async readPlace(): Promise<void> {
    try {
      const { place } = (await call<Joined>("GET", `/v1/sales/${encodeURIComponent(this.app.saleId)}/places/mine`, { bearer: this.app.kept!.receipt })).data;
      this.picks.party = place.party;
      this.wheelchair = place.wishes?.accessible === true;
      this.keptNow = undefined;
      this.changed();
    } catch {
      // It is as it was, as far as is known here.
    }
  }

  /** Reads from the booking what is held: after a reload, and where another page of this fan changed it. */
  async sync(): Promise<void> {
    const id = this.app.view?.hold?.booking_id ?? this.booking;
    if (!id || this.reading) return;
    this.reading = true;
    this.nextRead = performance.now() + SYNC_MS;
    const turn = (): number => this.asks.begun + this.doubts;
    const before = turn();
    try {
      const { data } = await call<Booking>("GET", "/v1/bookings/" + id, { bearer: this.app.kept!.receipt });
      // What was asked or changed meanwhile is newer than this answer.
      if (turn() === before) this.adopt(data);
      else this.nextRead = -Infinity;
    } catch (e) {
      const p = e as Problem;
      if (p.code === "place-moved") return this.acts.moved();
      if (!this.known) this.readFault = p;
      if (p.retryAfterS) this.nextRead = performance.now() + p.retryAfterS * 1000;
    } finally {
      this.reading = false;
      this.changed();
    }
  }

  private adopt(b: Booking): void {
    this.app.clock.hear(b.server_now_ms);
    this.prices = new Map(b.seats.map((s) => [s.seat, s.price_minor + s.fee_minor]));
    // One that ended names the seats that it had.
    const lasts = b.state === "held" || b.state === "paying" || b.state === "capturing";
    this.picks.adopt(lasts ? b.seats.map((s) => s.seat) : []);
    this.booking = b.booking_id;
    this.readBy = this.app.view && this.news(this.app.view);
    this.settled();
    this.changed();
  }

  /** Called a few times a second while the map is looked at. */
  tick(): void {
    this.follow.tick();
    const { view, kept } = this.app;
    if (kept && kept.receipt !== this.receipt) {
      // Changed wishes come with another receipt.
      this.receipt = kept.receipt;
      void this.readPlace();
    }
    if (view?.state === "standing" && this.deadline !== undefined && !this.picks.asking && this.picks.held.length === 0) this.deadline = undefined;
    // Another page of this fan may hold seats, or have given them back.
    if ((this.doubted || this.differs) && !this.picks.asking && !this.asks.pause && performance.now() > this.nextRead) void this.sync();
    this.asks.go();
    for (const [s, until] of this.gone) if (until < performance.now()) this.gone.delete(s), this.moves++, this.changed();
  }

  private say(words: string): void {
    this.said = words;
    this.changed();
  }

  private tell(told: Told): void {
    this.told = told;
    this.said = "";
    this.changed();
  }

  private changed(): void {
    this.turn++;
    this.redraw();
  }

  name(place: number): string {
    return nameOf(this.hall, place);
  }
}
