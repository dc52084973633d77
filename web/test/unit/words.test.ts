import assert from "node:assert/strict";
import test from "node:test";
import { digits, money, parseMoney, plainMoney } from "../../src/logic/money";
import { declineWords } from "../../src/logic/booking-words";
import { chanceWords, changeWords, estimateWords, grewWords, plural, span } from "../../src/logic/words";

test("a wait is told as a range, the upper end rounded up", () => {
  assert.equal(estimateWords({ low_s: 5, high_s: 40 }), "less than a minute");
  assert.equal(estimateWords({ low_s: 20, high_s: 100 }), "up to 2 minutes");
  assert.equal(estimateWords({ low_s: 240, high_s: 400 }), "about 4 to 7 minutes");
  assert.equal(estimateWords({ low_s: 1250, high_s: 1800 }), "about 20 to 30 minutes");
  assert.equal(estimateWords({ low_s: 120, high_s: 120 }), "about 2 minutes");
  assert.equal(estimateWords({ low_s: 3000, high_s: 7200 }), "about 50 minutes to 2 hours");
  assert.equal(estimateWords({ low_s: 7200, high_s: 12_000 }), "about 2 to 3.5 hours");
  assert.equal(estimateWords({ low_s: 90_000, high_s: 4_294_967_295 }), "many hours");
  assert.equal(estimateWords({ low_s: 900, high_s: 60 }), "less than a minute");
});

test("chances and changes are told in plain words", () => {
  assert.equal(chanceWords("Balcony", 0), "Balcony: sold out");
  assert.equal(chanceWords("Balcony", 5), "Balcony: hardly a chance");
  assert.equal(chanceWords("Balcony", 60), "Balcony: about 60 %");
  assert.equal(chanceWords("Balcony", 95), "Balcony: at least 95 %");
  assert.equal(chanceWords("Balcony", 100), "Balcony: seats are left for you");
  assert.match(changeWords("slower"), /more slowly/);
  assert.equal(changeWords("sooner"), "");
  assert.equal(changeWords(undefined), "");
  assert.match(grewWords(1), /^1 more is ahead of you than before: invited/);
  assert.match(grewWords(1200), /^1,200 more are ahead/);
});

test("money knows its currency's digits", () => {
  assert.equal(money(9950, "EUR"), "€99.50");
  assert.equal(money(1200, "JPY"), "JP¥1,200");
  assert.equal(digits("JPY"), 0);
  assert.equal(digits("BHD"), 3);
  assert.equal(money(5, "no"), "0.05 no");
});

test("typed amounts become minor units or nothing", () => {
  assert.equal(parseMoney("45", "EUR"), 4500);
  assert.equal(parseMoney("45.5", "EUR"), 4550);
  assert.equal(parseMoney(" 45,05 ", "EUR"), 4505);
  assert.equal(parseMoney("45.005", "EUR"), null);
  assert.equal(parseMoney("1200", "JPY"), 1200);
  assert.equal(parseMoney("12.5", "JPY"), null);
  assert.equal(parseMoney("-1", "EUR"), null);
  assert.equal(parseMoney("", "EUR"), null);
  for (const minor of [0, 1, 99, 4550, 123_456]) assert.equal(parseMoney(plainMoney(minor, "EUR"), "EUR"), minor);
});

test("small words", () => {
  assert.equal(plural(1, "ticket"), "1 ticket");
  assert.equal(plural(1234, "ticket"), "1,234 tickets");
  assert.equal(span(30_000), "30 seconds");
  assert.equal(span(60_000), "1 minute");
  assert.equal(span(90_000), "90 seconds");
  assert.equal(span(300_000), "5 minutes");
  assert.equal(declineWords("insufficient_funds"), "There is not enough money on the card.");
  assert.equal(declineWords("insufficient_funds: Your card has insufficient funds."), "There is not enough money on the card.");
  assert.equal(declineWords("lost_card"), "The bank’s reason: lost card.");
  assert.equal(declineWords("lost_card: The card was reported lost."), "The bank’s reason: The card was reported lost.");
  assert.equal(declineWords(undefined), "The bank gave no reason.");
});
