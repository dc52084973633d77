// `/draw/{sale}`: a published draw computed anew in the fan's own browser, from files fetched here or brought along.

import { $, button, busy, fill, h, text } from "../fan/dom";
import { count } from "../logic/words";
import { keptOf, keptCard, provedCard } from "./own";
import type { Step } from "./check";
import { FILES, said, type Draw, type Fault } from "./statements";
import type { Asked, Told } from "./worker";

const main = $("main");
const sale = decodeURIComponent(location.pathname.split("/").filter(Boolean)[1] ?? "");
const FETCH_MS = 120_000;

const STEPS: Record<Step, string> = {
  statements: "The three statements are signed, and agree with each other",
  beacon: "The secret is the one promised; the public randomness is real, and of the agreed round",
  roster: "The roster is, line by line, the one that was fixed beforehand",
  order: "Secret, roster and randomness make one order",
  numbers: "The published numbers are that order",
};
const SHARE: Record<Step, number> = { statements: 0, beacon: 5, roster: 10, order: 50, numbers: 85 };
const NEXT: Record<Step, number> = { statements: 5, beacon: 10, roster: 50, order: 85, numbers: 100 };

let worker: Worker | null = null;
let done: ((told: Told) => void) | null = null;
let followedBy: ((told: Told) => void) | null = null;
let ownDone: ((told: Told) => void) | null = null;

const bar = h("progress", { max: 100, value: 0, "aria-label": "How much is checked", hidden: true });
const steps = h("ul", { class: "checks", "data-testid": "steps" });
const verdict = h("div", { role: "status", "data-testid": "verdict" });
const entries = h("div");
const own = h("div", { role: "status" });
const kept = keptOf(sale);

const chosen = h("input", { id: "files", type: "file", multiple: true, "data-testid": "files", onchange: () => void busy(fetchButton, "Checking…", bring) });
const fetchButton = button("Check the published draw", () => void busy(fetchButton, "Checking…", fetched), { class: "main", "data-testid": "check-button", hidden: !sale });

function progress(step: Step, part: number, holds?: boolean): void {
  bar.hidden = false;
  bar.value = SHARE[step] + (NEXT[step] - SHARE[step]) * part;
  let line = steps.querySelector<HTMLElement>(`[data-step="${step}"]`);
  if (!line) {
    line = h("li", { "data-step": step }, h("span"), " ", STEPS[step]);
    steps.append(line);
  }
  text(line.firstElementChild!, holds === undefined ? "…" : holds ? "✓" : "✗ Not so:");
}

/** Runs the check in a worker of its own, which then keeps the order for questions. */
function checked(files: Record<string, Blob>): Promise<void> {
  fill(steps);
  fill(verdict);
  fill(entries);
  main.dataset.state = "checking";
  return new Promise((over) => {
    const w = begin();
    done = (told) => {
      bar.hidden = true;
      if ("faults" in told) show(told.faults, told.draw, told.unprovable);
      else if ("broken" in told) trouble(`The check itself failed: ${told.broken}.`);
      over();
    };
    w.postMessage({ files } satisfies Asked);
  });
}

/** A worker of its own. */
function begin(): Worker {
  worker?.terminate();
  const w = worker = new Worker(main.dataset.worker!);
  w.onmessage = (e: MessageEvent<Told>) => {
    const told = e.data;
    if ("step" in told) progress(told.step, told.done, told.holds);
    else if ("entry" in told) followedBy?.(told);
    else if ("own" in told) ownDone?.(told);
    else done?.(told);
  };
  w.onerror = () => (ownDone ?? done)?.({ broken: "this browser could not run it" });
  return w;
}

/** Holds an acknowledgement against the roster among the files. */
function prove(acknowledgement: string, files: Record<string, Blob>, keys: string[]): Promise<void> {
  fill(own);
  return new Promise((over) => {
    ownDone = (told) => {
      ownDone = null;
      if ("own" in told) fill(own, provedCard(told.own));
      else if ("broken" in told) trouble(`The check itself failed: ${told.broken}.`);
      over();
    };
    begin().postMessage({ acknowledgement, files, keys } satisfies Asked);
  });
}

/** The draw's files go by their names; any other is an acknowledgement. */
async function bring(): Promise<void> {
  const files: Record<string, Blob> = {};
  let acknowledgement = kept;
  for (const file of chosen.files ?? []) {
    if (FILES.some((name) => name === file.name)) files[file.name] = file;
    else acknowledgement = await file.text();
  }
  const given = Object.keys(files);
  const proves = acknowledgement !== null && (given.includes("roster.json") || acknowledgement !== kept);
  if (proves) await prove(acknowledgement!, files, []);
  if (given.length > 0 && !(proves && given.every((name) => name.startsWith("roster.")))) await checked(files);
}

async function fetched(): Promise<void> {
  fill(verdict);
  const files: Record<string, Blob> = {};
  for (const name of FILES) {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), FETCH_MS);
    try {
      const r = await fetch(`/v1/sales/${encodeURIComponent(sale)}/draw/${name}`, { signal: abort.signal, cache: "no-store" });
      if (r.ok) files[name] = await r.blob();
      else if (r.status !== 404) return trouble(`${name} could not be fetched: the answer was ${r.status}. Try again in a moment.`);
    } catch {
      return trouble(`${name} could not be fetched: no answer came. Try again in a moment.`);
    } finally {
      clearTimeout(timer);
    }
  }
  if (kept) await prove(kept, files, await publishedKeys());
  if (!files["draw.json"]) {
    main.dataset.state = "none";
    fill(verdict, h("div", { class: "note" }, h("p", null, files["commitment.json"]
      ? "This sale’s lobby has not been drawn yet. What was promised beforehand is already published; keep the file commitment.json if you like, and come back after the draw."
      : "This sale has no draw, or none yet.")));
    return;
  }
  await checked(files);
}

/** The keys that sign and signed for draws here; none where they cannot be had. */
async function publishedKeys(): Promise<string[]> {
  try {
    const r = await fetch("/v1/draw-key", { signal: AbortSignal.timeout?.(FETCH_MS) });
    return ((await r.json()) as { keys: { ed25519: string }[] }).keys.map((key) => key.ed25519);
  } catch {
    return [];
  }
}

function trouble(words: string): void {
  main.dataset.state = "problem";
  fill(verdict, h("div", { class: "note bad", "data-testid": "trouble" }, h("p", null, words)));
}

function show(faults: Fault[], draw: Draw | null, unprovable: string[]): void {
  if (faults.length > 0 || !draw) {
    main.dataset.state = "broken";
    fill(verdict, h("div", { class: "note bad" },
      h("h2", null, "This draw does not hold"),
      h("p", null, "Something in the files is not what it must be. If you fetched them just now, fetch them once more; if it stays, the draw was changed after it was published."),
      h("ul", { "data-testid": "faults" }, faults.map((f) => h("li", null, said(f))))));
    return;
  }
  main.dataset.state = "holds";
  fill(verdict, h("div", { class: "card" },
    h("h2", null, "This draw holds"),
    h("p", null, `${draw.sale.name} (${draw.sale.event}): ${count(draw.roster.size)} in the lobby, each with the number that secret, roster and public randomness give.`),
    draw.provable && draw.beacon
      ? h("p", null, `Nobody could have known or chosen this order: it needs round ${count(draw.beacon.round)} of ${draw.beacon.chain.name}, which did not exist when the roster was fixed.`)
      : h("div", { class: "note" }, h("p", null, "It says itself that it proves less than it could:"), h("ul", null, unprovable.map((r) => h("li", null, r)))),
    h("p", { class: "small" }, "Signed by key ", h("code", null, draw.signer.key_id), ", Ed25519 ", h("code", null, draw.signer.ed25519), ".")));
  ask(draw);
}

function ask(draw: Draw): void {
  const entry = h("input", { id: "entry", type: "number", min: 1, max: draw.roster.size, required: true, inputmode: "numeric", "data-testid": "entry" });
  const go = h("button", { type: "submit", "data-testid": "entry-button" }, "Where was I drawn?");
  const found = h("div", { role: "status", "data-testid": "found" });
  const follow = () => new Promise<void>((over) => {
    followedBy = (told) => {
      if ("entry" in told) {
        const f = told.followed;
        fill(found, f
          ? [h("p", null, h("strong", null, `Entry ${count(f.entry)} drew number ${count(f.number)}.`)),
            h("p", { class: "small" }, "In the roster as ", h("code", null, f.leaf), `; ${f.proof.length} hashes lead from it to the root that was signed before the randomness was known.`)]
          : h("p", null, `The roster has the entries 1 to ${count(draw.roster.size)}.`));
      }
      over();
    };
    worker?.postMessage({ entry: Number(entry.value) } satisfies Asked);
  });
  fill(entries, h("form", { class: "card", onsubmit: (e: Event) => { e.preventDefault(); void busy(go, "Looking…", follow); } },
    h("label", { for: "entry" }, "Your entry, as your receipt or your place’s page shows it"), entry, h("p", { class: "row" }, go), found));
}

function dropped(e: DragEvent): void {
  e.preventDefault();
  if (!e.dataTransfer?.files.length) return;
  chosen.files = e.dataTransfer.files;
  void busy(fetchButton, "Checking…", bring);
}

main.addEventListener("dragover", (e) => e.preventDefault());
main.addEventListener("drop", dropped);
main.dataset.state = "form";
fill(main,
  sale !== "" && h("p", { class: "where" }, h("a", { href: "/q/" + sale }, "To the sale")),
  h("h1", null, "Check a draw"),
  h("p", null, "Everyone who was in the lobby when the sale opened got a number by a draw. This page computes that draw anew, in your browser, from the files that were published, and compares every line. It believes nobody’s word for it."),
  kept !== null && keptCard(kept),
  fetchButton,
  h("label", { for: "files" }, "Or choose, or drop here, the files you kept"), chosen,
  h("p", { class: "small" }, `All of them: ${FILES.join(", ")}. A file of another name is taken for an acknowledgement of your entry.`),
  own, bar, steps, verdict, entries);
