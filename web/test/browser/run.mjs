// The whole way through a running Usher in a real browser:
//   node test/browser/run.mjs --base http://127.0.0.1:PORT --sale sal_… --out DIR --operator-email … --operator-password …
// The sale must be open with a crowd in line, holds of seconds to a few minutes, and entry for visitors; the operator's account
// must be promoter and operator of its organisation. Screenshots of every screen go to DIR. The last line is `N passed, M failed`.

import { mkdir } from "node:fs/promises";
import { launch, listenForErrors } from "./chromium.mjs";
import { operate, promote } from "./consoles.mjs";
import { checkDraws } from "./drawn.mjs";
import { Fan, toTheSeats, toTheTickets } from "./fan.mjs";
import { Office } from "./office.mjs";
import { Report } from "./report.mjs";

function arg(name, otherwise) {
  const i = process.argv.indexOf("--" + name);
  if (i > 0 && process.argv[i + 1]) return process.argv[i + 1];
  if (otherwise !== undefined) return otherwise;
  console.error(`--${name} is missing`);
  console.log("0 passed, 1 failed");
  process.exit(2);
}

const base = arg("base").replace(/\/$/, "");
const sale = arg("sale");
const out = arg("out");
const operator = { email: arg("operator-email"), password: arg("operator-password") };
/** Shortens the sale's holds, and lets people in faster once the fan has joined, so that nobody waits for long here. */
const holdSeconds = Number(arg("hold-seconds", "0"));
const rate = Number(arg("rate", "0"));
const turnMs = Number(arg("turn-seconds", "300")) * 1000;
const waitMs = Number(arg("wait-seconds", "45")) * 1000;

/** With so many in line a fan's number falls before their eyes. */
const CROWD = 8;

await mkdir(out, { recursive: true });
const report = new Report(out);

/** Answers that are part of the way, though Chromium prints them as errors: no place yet, no seat map yet, an edit conflict; and
 * whatever the provider's page prints. */
function allowed(text, url) {
  const at = new URL(url || base, base);
  if (at.origin !== new URL(base).origin) return true;
  // A dangerous change of the pace is answered first with what it would do.
  if (/\b409\b/.test(text) && /\/admission(\/(resume|stop|start|undo))?$/.test(at.pathname)) return true;
  // A support code that is none, a list with faults, a place that is somebody else's now.
  if ((/\b422\b/.test(text) && /\/(by-code\/.*|import)$/.test(at.pathname)) || (/\b403\b/.test(text) && /\/places\/mine(\/history)?$/.test(at.pathname))) return true;
  return (/\b404\b/.test(text) && /\/(places\/mine|seat-map)$/.test(at.pathname)) || (/\b412\b/.test(text) && /^\/v1\/(events|sales)\//.test(at.pathname));
}

const one = await launch();
const two = await launch();
try {
  const about = await (await fetch(`${base}/v1/sales/${sale}`)).json();
  if (!about.event_id) throw new Error(`there is no sale ${sale}: ${JSON.stringify(about)}`);
  const event = about.event_id;
  const office = await Office.enter(base, sale, operator);
  if (holdSeconds) await office.shortenHolds(holdSeconds * 1000);
  /** A fan who comes before the crowd would not wait: gives the crowd time to come. */
  const crowd = () => office.untilWaiting(CROWD, turnMs);
  const drawn = () => office.untilOpen(turnMs);
  const faster = async () => rate && office.setRate(rate);
  const options = { base, sale, out, turnMs, waitMs };

  const fan = new Fan(one.context.pages()[0] ?? (await one.context.newPage()), { ...options, name: "fan" });
  const console_ = two.context.pages()[0] ?? (await two.context.newPage());
  const other = new Fan(await two.context.newPage(), { ...options, name: "other fan" });
  const errors = [fan.page, console_, other.page].map((p) => {
    p.setDefaultTimeout(waitMs);
    return listenForErrors(p, allowed);
  });

  const seated = await report.chain("a fan gets seats", () => toTheSeats(report, fan, event, { crowd, drawn, faster }));
  await report.chain("the operator at work", () => operate(report, console_, other, { base, sale, out, operator }));
  const email = `fan-${Date.now()}@example.org`;
  if (seated) await report.chain("a fan gets tickets", () => toTheTickets(report, fan, { holdMs: (holdSeconds * 1000 || about.hold_ttl_ms) + about.extension_ms, email }));
  await report.chain("the promoter at work", () => promote(report, console_, fan, { base, out, event, operator, office }));
  await report.chain("anybody checks draws", () => checkDraws(report, console_, { base, sale, out }));
  await report.chain("no errors", () => report.step("no page printed an error", fan.page, async () => [...new Set(errors.flat())]));
} catch (e) {
  report.failed.push("setting up");
  console.log(`FAIL setting up: ${e.message}`);
} finally {
  await one.close();
  await two.close();
}
process.exit(report.end());
