// Which warnings that time runs out are due.

type Warning = 120 | 30;
/** A deadline that moves by less gives no warning again: while the clock stands still it is told anew with each frame. */
const SLACK_MS = 5_000;

/** Each is given once, and one that was missed is not made up for; but again once there is clearly more time left than it speaks of. */
export class Warnings {
  private given = new Set<Warning>();
  private of: string | undefined;

  /** The warning that is due with so much time left of something, if any. It counts as given. */
  due(of: string, leftMs: number): Warning | null {
    if (of !== this.of) this.given.clear();
    this.of = of;
    for (const w of this.given) if (leftMs > w * 1000 + SLACK_MS) this.given.delete(w);
    const w = leftMs <= 0 || leftMs > 120_000 ? null : leftMs <= 30_000 ? 30 : 120;
    if (w === null || this.given.has(w)) return null;
    this.given.add(w).add(120);
    // Too late for it, as after a reload.
    return Math.ceil(leftMs / 1000) < w - SLACK_MS / 1000 ? null : w;
  }
}
