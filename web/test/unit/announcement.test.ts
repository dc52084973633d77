import assert from "node:assert/strict";
import test from "node:test";
import { inOrder, onAndNext } from "../../src/fan/schedule";
import { textFor } from "../../src/logic/announcement";
import type { Event, Sale } from "../../src/wire";

test("an announcement is read in the reader's language, or in the nearest that there is", () => {
  const texts = { de: "Einlass später", en: "Doors open late", "pt-BR": "Portas mais tarde" };
  const lang = (...languages: string[]): string | undefined => textFor(texts, languages)?.lang;
  assert.equal(lang("de-AT", "en"), "de");
  assert.equal(lang("pt-PT"), "pt-BR");
  assert.equal(lang("fr", "de"), "de");
  assert.equal(lang("fr"), "en");
  assert.equal(textFor({ nl: "Later open" }, ["fr"])?.text, "Later open");
  assert.equal(textFor({}, ["en"]), null);
});

test("of several sales it is said which is on and which is next, in the venue's time", () => {
  const sale = (name: string, state: string, opens_at_ms: number): Sale => ({ name, state, opens_at_ms, entry: name === "Presale" ? "code" : "open" }) as Sale;
  const event = (...sales: Sale[]): Event => ({ time_zone: "Europe/Berlin", sales }) as Event;
  const day = Date.UTC(2027, 5, 1, 8);
  const [general, presale, last] = [sale("General sale", "scheduled", day), sale("Presale", "open", day - 9e7), sale("Last tickets", "scheduled", day + 9e7)];
  assert.deepEqual(inOrder([last, general, presale, sale("Old", "closed", 1)]).map((s) => s.name), ["Presale", "General sale", "Last tickets", "Old"]);
  const [on, next] = onAndNext(event(last, general, presale));
  assert.equal(on, "On now: Presale (with a code).");
  assert.match(next!, /^Next: General sale, opens .*10:00 (CEST|GMT\+2)/);
  assert.deepEqual(onAndNext(event(presale)), []);
  assert.deepEqual(onAndNext(event(sale("A", "closed", 1), sale("B", "sold_out", 2))), ["All sales are over."]);
});
