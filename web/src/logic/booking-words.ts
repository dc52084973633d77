// Bookings and payments in words.

import type { BookingState } from "../wire";

export const bookingWords: Record<BookingState, string> = {
  held: "Seats held", paying: "Payment open", capturing: "Payment under way", paid: "Paid", lapsed: "Not paid in time",
  released: "Given back", failed: "Payment failed", refunded: "Refunded",
};

/** Why a card was declined, from the provider's `code: message`. */
export function declineWords(reason?: string): string {
  const [, code, message] = /^(\w+)(?:: (.*))?$/s.exec(reason ?? "") ?? ["", "", reason];
  switch (code) {
    case "insufficient_funds": return "There is not enough money on the card.";
    case "expired_card": return "The card has expired.";
    case "incorrect_cvc": return "The security code is not right.";
    case "": case "unknown": case "declined": case "generic_decline": case "card_declined": return "The bank gave no reason.";
    default: return `The bank’s reason: ${(message || code!.replaceAll("_", " ")).replace(/\.$/, "")}.`;
  }
}
