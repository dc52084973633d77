// The server's clock, followed with a monotonic one: a wrong or changed wall clock moves no deadline.

export class Clock {
  private offset: number | null = null;
  constructor(private mono: () => number = () => performance.now()) {}

  /** A `server_now_ms` just arrived. A delayed answer reads too early, so the latest reading wins: time is never shown
   * that is not there. */
  hear(serverNowMs: number): void {
    const offset = serverNowMs - this.mono();
    if (this.offset === null || offset > this.offset) this.offset = offset;
  }
  now(): number {
    return this.offset === null ? Date.now() : this.offset + this.mono();
  }
  /** Milliseconds left, never below 0. */
  left(deadlineMs: number): number {
    return Math.max(0, deadlineMs - this.now());
  }
}

const two = (n: number): string => String(n).padStart(2, "0");

/** `4:05`, `1:02:05`, `3 days 04:10:00`. Seconds are rounded up, so that 0:00 means over. */
export function countdown(leftMs: number): string {
  const s = Math.max(0, Math.ceil(leftMs / 1000));
  const days = Math.floor(s / 86_400);
  const h = Math.floor((s % 86_400) / 3600);
  const m = Math.floor((s % 3600) / 60);
  if (days) return `${days} ${days === 1 ? "day" : "days"} ${two(h)}:${two(m)}:${two(s % 60)}`;
  return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}
