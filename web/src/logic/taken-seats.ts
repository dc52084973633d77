// Which seats cannot be had: all of them once, then what moved, version by version of the event's seats lane.

import type { SeatsMoved, SeatsNow } from "../wire";

export class Taken {
  readonly capacity: number;
  private at: number;
  private bits: Uint8Array;

  /** Throws where the answer does not hold what it says. */
  constructor(now: SeatsNow) {
    const raw = atob(now.bits);
    this.bits = Uint8Array.from(raw, (c) => c.charCodeAt(0));
    if (this.bits.length * 8 < now.capacity) throw new Error(`${this.bits.length} bytes for ${now.capacity} seats`);
    this.capacity = now.capacity;
    this.at = now.version;
  }

  get version(): number {
    return this.at;
  }

  has(seat: number): boolean {
    return (this.bits[seat >> 3]! & (1 << (seat & 7))) !== 0;
  }

  /** Takes in what moved, if it goes on from what is known here. `gap`: something in between is missing, ask what moved since `version`. */
  hear(m: SeatsMoved): "applied" | "known" | "gap" {
    if (m.upto <= this.at) return "known";
    if (m.after > this.at) return "gap";
    for (const s of m.taken) if (s < this.capacity) this.bits[s >> 3]! |= 1 << (s & 7);
    for (const s of m.freed) if (s < this.capacity) this.bits[s >> 3]! &= ~(1 << (s & 7));
    this.at = m.upto;
    return "applied";
  }
}
