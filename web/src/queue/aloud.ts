// What is said to those who listen to the page.

import { $, text } from "../fan/dom";
import { warningDue } from "../logic/clock";
import type { Screen } from "../logic/screen";
import { count, estimateWords } from "../logic/words";
import { left, type App } from "./app";

const SAY_EVERY_MS = 60_000;

let saidAt = -Infinity;
let shownAt = 0;
const warned = new Set<number>();
let warnedFor = 0;
let frozenFor: string | undefined;

const polite = (s: string): void => text($("polite"), s);
const aloud = (s: string): void => text($("assertive"), s);

export function announce(s: Screen): void {
  shownAt = performance.now();
  const said: Partial<Record<Screen, string>> = { holding: "Your turn! Seats are held for you.", standing: "It is your turn.", asked: "Your turn! Other tickets than you asked for are left: would they do?" };
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
  if ((screen !== "holding" && screen !== "declined") || performance.now() - shownAt < 5000) return;
  const hold = app.view?.hold;
  if (hold?.frozen !== frozenFor) {
    frozenFor = hold?.frozen;
    aloud(frozenFor ? `The clock stands still: ${frozenFor}` : "The clock goes on.");
  }
  if (frozenFor) return;
  const end = hold?.deadline_ms ?? 0;
  if (end !== warnedFor) {
    warnedFor = end;
    warned.clear();
  }
  const ms = left(app);
  const due = warningDue(ms, warned);
  if (!due) return;
  warned.add(due).add(120);
  if (Math.ceil(ms / 1000) < due - 5) return;
  aloud((due === 120 ? "Two minutes left to pay." : "Thirty seconds left to pay.") + (app.view?.hold?.can_extend ? " You can ask for more time once." : ""));
}
