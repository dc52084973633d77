// Money is integer minor units and an ISO 4217 currency.

import { locale } from "./words";

export function digits(currency: string): number {
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
  } catch {
    return 2;
  }
}

export function money(minor: number, currency: string): string {
  const d = digits(currency);
  try {
    return new Intl.NumberFormat(locale(), { style: "currency", currency }).format(minor / 10 ** d);
  } catch {
    return `${(minor / 100).toFixed(2)} ${currency}`;
  }
}

/** `45`, `45.5` or `45,50` to minor units; nothing when it is not an amount of this currency. */
export function parseMoney(text: string, currency: string): number | null {
  const d = digits(currency);
  const m = /^(\d{1,9})(?:[.,](\d+))?$/.exec(text.trim());
  if (!m || (m[2] ?? "").length > d) return null;
  return Number(m[1]) * 10 ** d + Number((m[2] ?? "").padEnd(d, "0") || 0);
}

/** The plain decimal for an input field. */
export function plainMoney(minor: number, currency: string): string {
  const d = digits(currency);
  return (minor / 10 ** d).toFixed(d);
}
