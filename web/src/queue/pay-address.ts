import { Problem } from "../api";

/** Where the provider's page is, with what it needs in the fragment, which no server sees. */
export function payAddress(page: string, secret: string, back: string, base: string): string {
  const url = new URL(page, base);
  if (!/^https?:$/.test(url.protocol)) throw new Problem(0, "unreadable", "The payment page's address cannot be used");
  url.hash = `secret=${encodeURIComponent(secret)}&return=${encodeURIComponent(back)}`;
  return url.href;
}
