// Which seats are taken: all at first, then by the socket's word, and by asking where there is no socket or something was missed.

import { call, type Problem } from "../../api";
import { fullJitter } from "../../logic/backoff";
import { Taken } from "../../logic/taken-seats";
import type { SeatsMoved, TakenSeats } from "../../wire";
import { seatNews } from "../seat-news";

const POLL_MS = 1_000;
/** A socket that says nothing for so long is checked. */
const SILENT_MS = 30_000;

export interface Follows {
  /** Seats were taken or came free: which, or nothing where all of them came anew. */
  changed(moved?: SeatsMoved): void;
  /** Whether what is shown may be behind. */
  behind(yes: boolean, why?: Problem): void;
  /** The hall is another than it was. */
  otherHall(): void;
}

export class Follow {
  taken: Taken | undefined;
  /** What is known here is of no use: all must be told. */
  private all = true;
  private heard = -1;
  private busy = false;
  private tries = 0;
  private next = 0;
  private wasPushed = false;

  constructor(private event: string, private hears: Follows) {
    seatNews.hear = (m) => this.hear(m);
  }

  /** Called a few times a second while the map is looked at. */
  tick(): void {
    const now = performance.now();
    // A socket that just came up may have missed what moved before; one that just went tells no more.
    if (seatNews.pushed !== this.wasPushed) this.next = Math.min(this.next, now);
    this.wasPushed = seatNews.pushed;
    if (!this.busy && now >= this.next) void this.ask();
  }

  private hear(m: SeatsMoved): void {
    this.heard = Math.max(this.heard, m.upto);
    if (!this.taken) return;
    const what = this.taken.hear(m);
    if (what === "applied") {
      this.next = performance.now() + SILENT_MS * (0.8 + 0.4 * Math.random());
      this.hears.behind(false);
      this.hears.changed(m);
    } else if (what === "gap" && !this.busy) void this.ask();
  }

  private async ask(): Promise<void> {
    this.busy = true;
    const after = this.taken && !this.all ? `?after=${this.taken.version}` : "";
    try {
      const { data } = await call<TakenSeats>("GET", `/v1/events/${encodeURIComponent(this.event)}/taken-seats${after}`);
      this.take(data);
      this.tries = 0;
      this.hears.behind(false);
      const again = this.heard > (this.taken?.version ?? -1) ? 100 : seatNews.pushed ? SILENT_MS : POLL_MS;
      this.next = performance.now() + again * (0.8 + 0.4 * Math.random());
    } catch (e) {
      const p = e as Problem;
      this.hears.behind(true, p);
      this.next = performance.now() + (p.retryAfterS ? p.retryAfterS * 1000 : POLL_MS) + fullJitter(Math.min(this.tries++, 4));
    } finally {
      this.busy = false;
    }
  }

  private take(data: TakenSeats): void {
    if ("bits" in data) {
      this.all = false;
      // An answer of a node that is behind is older than what is known here.
      if (this.taken && data.version < this.taken.version && data.capacity === this.taken.capacity) return;
      const other = this.taken && this.taken.capacity !== data.capacity;
      this.taken = new Taken(data);
      if (other) this.hears.otherHall();
      else this.hears.changed();
      return;
    }
    const what = this.taken?.hear(data);
    if (what === "applied") this.hears.changed(data);
    // An answer that does not go on from what was asked is none: ask for all.
    if (what === "gap") this.all = true;
  }
}
