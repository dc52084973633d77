// Asks for what the fan wants, one request at a time; comes again by itself where the answer is "later" or lost.

import { call, type Problem } from "../../api";
import { fullJitter } from "../../logic/backoff";
import type { Picks } from "../../logic/picked";
import type { PickedSeats, SeatsTaken } from "../../wire";
import type { App } from "../app";

/** An answer that names no seats. */
const none = { taken: [], nearest: [] };

export interface Answers {
  /** Whether it is known what is held: a request replaces that. */
  known(): boolean;
  took(p: PickedSeats): void;
  /** Some are somebody else's; what was asked for. */
  taken(t: SeatsTaken, asked: readonly number[]): void;
  /** Nothing changed. */
  refused(p: Problem): void;
  /** Something is under way, or not any more. */
  changed(): void;
}

export class Asks {
  /** Until when nothing is asked, by the page's monotonic clock, and why. */
  pause: { until: number; why: Problem } | null = null;
  /** Counts what was asked: an answer to something else that was sent before is older. */
  begun = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private tries = 0;

  constructor(private app: App, private picks: Picks, private answers: Answers) {}

  /** Asks for the newest wish, unless something is under way or has to wait. */
  go(): void {
    if (this.pause || !this.answers.known()) return;
    const seats = this.picks.next();
    if (!seats) return;
    this.begun++;
    this.answers.changed();
    void this.ask(seats).finally(() => {
      this.answers.changed();
      this.go();
    });
  }

  private async ask(seats: number[]): Promise<void> {
    try {
      const path = `/v1/sales/${encodeURIComponent(this.app.saleId)}/places/mine/seats`;
      const { data } = await call<PickedSeats>("PUT", path, { bearer: this.app.kept!.receipt, body: { seats } });
      this.tries = 0;
      this.app.clock.hear(data.server_now_ms);
      this.picks.took(data.seats);
      this.answers.took(data);
    } catch (e) {
      const p = e as Problem;
      if (p.code === "seats-taken") return this.answers.taken({ ...none, ...(p.body as Partial<SeatsTaken>) } as SeatsTaken, seats);
      if (p.passing) return this.wait(p);
      this.answers.refused(p);
    }
  }

  private wait(p: Problem): void {
    this.picks.again(p.status !== 429);
    const ms = p.retryAfterS ? p.retryAfterS * 1000 + Math.random() * 250 : 400 + fullJitter(Math.min(this.tries++, 4));
    this.pause = { until: performance.now() + ms, why: p };
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.pause = null;
      this.answers.changed();
      this.go();
    }, ms);
  }
}
