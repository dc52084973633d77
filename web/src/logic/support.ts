// The support code of a place: the last 40 bits of its identifier in Crockford's base32, and a check character (Luhn, modulo 32).

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** `K3M9-7QXA-D`; nothing where the identifier is of another form. */
export function supportCode(placeId: string): string {
  const tail = /[0-9a-f]{10}$/.exec(placeId.replaceAll("-", "").toLowerCase())?.[0];
  if (!tail) return "";
  // 40 bits are fewer than the 53 that a number keeps exactly.
  let bits = parseInt(tail, 16);
  const digits: number[] = [];
  for (let i = 0; i < 8; i++) {
    digits.unshift(bits % 32);
    bits = Math.floor(bits / 32);
  }
  const sum = digits.reverse().reduce((n, d, i) => n + (i % 2 ? d : Math.floor((d * 2) / 32) + ((d * 2) % 32)), 0);
  const letters = digits.reverse().map((d) => ALPHABET[d]).join("");
  return `${letters.slice(0, 4)}-${letters.slice(4)}-${ALPHABET[(32 - (sum % 32)) % 32]}`;
}
