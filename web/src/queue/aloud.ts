// What is said to those who listen to the page.

import { $, text } from "../fan/dom";
import type { Screen } from "../logic/screen";
import { Warnings } from "../logic/warnings";
import { count, estimateWords } from "../logic/words";
import { left, shopsLeft, type App } from "./app";

const SAY_EVERY_MS = 60_000;

let saidAt = -Infinity;
let shownAt = 0;
const warnings = new Warnings();
let frozenFor: string | undefined;

const polite = (s: string): void => text($("polite"), s);
const aloud = (s: string): void => text($("assertive"), s);

export function announce(s: Screen): void {
  shownAt = performance.now();
  const said: Partial<Record<Screen, string>> = { holding: "Your turn! Seats are held for you.", picking: "Your turn! Choose your places.", standing: "It is your turn.", asked: "Your turn! Other tickets than you asked for are left: would they do?" };
  if (said[s]) aloud(said[s]);
}

/** Called a few times a second. */
export function say(app: App, screen: Screen): void {
  sayLine(app, screen);
  warn(app, screen);
}

function sayLine(app: App, screen: Screen): void {
  const v = app.view;
  if (screen !== "waiting" || !v || performance.now() - saidAt < SAY_EVERY_MS) return;
  saidAt = performance.now();
  polite(`${count(v.ahead)} ahead of you. ${v.estimate ? "Your wait: " + estimateWords(v.estimate) + "." : ""}`);
}

function warn(app: App, screen: Screen): void {
  // Not on the heels of "your turn".
  if ((screen !== "holding" && screen !== "declined" && screen !== "picking") || performance.now() - shownAt < 5000) return;
  const hold = app.view?.hold;
  const frozen = hold ? hold.frozen : app.view?.shops_frozen;
  if (frozen !== frozenFor) {
    frozenFor = frozen;
    aloud(frozenFor ? `The clock stands still: ${frozenFor}` : "The clock goes on.");
  }
  if (frozenFor) return;
  const due = warnings.due(hold?.booking_id ?? "", (hold ? left(app) : shopsLeft(app)) ?? 0);
  if (due) aloud(`${due === 120 ? "Two minutes" : "Thirty seconds"} left to ${hold ? "pay" : "choose your first place"}.` + (app.view?.hold?.can_extend ? " You can ask for more time once." : ""));
}
