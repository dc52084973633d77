// Numbers and states in words.

import type { Estimate, EstimateChange, SaleState } from "../wire";

/** The page is in English; of the reader's English variants the first decides how dates look. */
export function locale(): string {
  const all = typeof document === "undefined" ? [] : navigator.languages ?? [];
  return all.find((l) => l.startsWith("en-")) ?? "en-GB";
}

export function count(n: number): string {
  return new Intl.NumberFormat(locale()).format(n);
}

export function plural(n: number, one: string, many = one + "s"): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

function rounded(seconds: number, up: boolean): { n: number; unit: "minute" | "hour" } {
  const round = up ? Math.ceil : Math.floor;
  if (seconds >= 5400) return { n: Math.max(1, round(seconds / 1800) / 2), unit: "hour" };
  const m = seconds / 60;
  const step = m > 20 ? 5 : 1;
  return { n: Math.max(1, round(m / step) * step), unit: "minute" };
}

/** A wait as a range in words: `about 10 to 15 minutes`. */
export function estimateWords(e: Estimate): string {
  if (e.high_s <= 60) return "less than a minute";
  if (e.high_s > 86_400) return "many hours";
  const low = rounded(Math.min(e.low_s, e.high_s), false);
  const high = rounded(e.high_s, true);
  const many = (n: number, unit: string): string => `${n} ${n === 1 ? unit : unit + "s"}`;
  if (e.low_s < 60) return `up to ${many(high.n, high.unit)}`;
  if (low.unit === high.unit && low.n === high.n) return `about ${many(high.n, high.unit)}`;
  if (low.unit === high.unit) return `about ${low.n} to ${many(high.n, high.unit)}`;
  return `about ${many(low.n, low.unit)} to ${many(high.n, high.unit)}`;
}

/** Why the wait told is longer than before; nothing where it is not, or where it needs no words. */
export function changeWords(change: EstimateChange | undefined): string {
  if (change === "slower") return "Your wait became longer: the line moves more slowly than expected.";
  if (change === "new_rate") return "Your wait was estimated anew: the organiser changed the pace.";
  if (change === "put_before") return "Your wait became longer: others go before you now.";
  return "";
}

/** Why more are ahead than the page told before. */
export function grewWords(more: number): string {
  return `${count(more)} more ${more === 1 ? "is" : "are"} ahead of you than before: invited, back after being passed over while away, or put there by the organiser. The sale's report counts them.`;
}

/** The chance of a tier: `Balcony: about 60 %`. */
export function chanceWords(name: string, percent: number): string {
  if (percent <= 0) return `${name}: sold out`;
  if (percent >= 100) return `${name}: seats are left for you`;
  if (percent <= 5) return `${name}: hardly a chance`;
  return `${name}: ${percent >= 95 ? "at least 95" : `about ${percent}`} %`;
}

export function span(ms: number): string {
  const s = Math.round(ms / 1000);
  if (s < 120 && s !== 60) return plural(s, "second");
  if (s < 7200) return plural(Math.round(s / 60), "minute");
  return plural(Math.round(s / 3600), "hour");
}

export const saleWords: Record<SaleState, string> = {
  draft: "Draft", scheduled: "Not open yet", lobby: "Lobby open", drawing: "Drawing the order", open: "On sale", paused: "Paused",
  closing: "Last in line", closed: "Ended", sold_out: "Sold out",
};
