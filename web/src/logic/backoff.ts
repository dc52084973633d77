// When to come back after a connection ended. Full jitter: a random moment up to a cap that doubles.

export const BASE_MS = 500;
export const CAP_MS = 20_000;

export function fullJitter(attempt: number, random: () => number = Math.random): number {
  return Math.round(random() * Math.min(CAP_MS, BASE_MS * 2 ** Math.min(attempt, 16)));
}

/** How long to wait where the server named the seconds: never earlier, spread over half as much again. */
export function afterSeconds(seconds: number, random: () => number = Math.random): number {
  const ms = Math.min(Math.max(seconds, 1), 600) * 1000;
  return Math.round(ms + random() * Math.max(ms / 2, 500));
}

export type Next = { then: "retry"; inMs: number } | { then: "stop"; why: "ended" | "bad-receipt" };

/** What a page does after a close code of `contracts::push::close`. */
export function afterClose(code: number, reason: string, attempt: number, random: () => number = Math.random): Next {
  switch (code) {
    case 4401:
      return { then: "stop", why: "bad-receipt" };
    case 4410:
      return { then: "stop", why: "ended" };
    case 4429:
      return { then: "retry", inMs: afterSeconds(60, random) };
    case 4408:
      return { then: "retry", inMs: Math.round(random() * 250) };
    case 1001: {
      const ms = Number.parseInt(reason, 10);
      if (ms >= 0) return { then: "retry", inMs: Math.min(ms, 60_000) + fullJitter(1, random) };
      return { then: "retry", inMs: fullJitter(attempt, random) };
    }
    default:
      return { then: "retry", inMs: fullJitter(attempt, random) };
  }
}
