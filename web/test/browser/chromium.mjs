// Debian's Chromium with a profile of its own, and what is checked of every screen.

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

export const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 900 } };

const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** A fresh browser; `close` also removes its profile. */
export async function launch(more = {}) {
  const profile = await mkdtemp(join(tmpdir(), "usher-browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args: ARGS, viewport: SIZES.phone, locale: "en-GB", ...more,
  });
  return {
    context,
    close: async () => {
      await context.close().catch(() => {});
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Collects what a console shows as an error. `allowed` judges answers that are part of the way, such as a 404 for "no place yet". */
export function listenForErrors(page, allowed = () => false) {
  const errors = [];
  page.on("pageerror", (e) => errors.push(`page error: ${e.message}`));
  page.on("console", (m) => {
    if (m.type() === "error" && !allowed(m.text(), m.location().url ?? "")) errors.push(`console: ${m.text()} (${m.location().url})`);
  });
  return errors;
}

/** Screenshots at both widths, and the faults of the screen as lines. */
export async function inspect(page, dir, name) {
  await mkdir(dir, { recursive: true });
  const faults = [];
  for (const [size, viewport] of Object.entries(SIZES)) {
    await page.setViewportSize(viewport);
    await page.evaluate(() => scrollTo(0, 0));
    await page.screenshot({ path: join(dir, `${name}-${size}.png`), fullPage: true });
    for (const f of await page.evaluate(look)) faults.push(`${name} (${size}): ${f}`);
  }
  // The narrowest phones: no picture, but nothing may stick out.
  await page.setViewportSize({ width: 360, height: 740 });
  for (const f of await page.evaluate(look)) if (f.includes("sideways")) faults.push(`${name} (360 px): ${f}`);
  await page.setViewportSize(SIZES.phone);
  return faults;
}

/** Runs in the page. */
function look() {
  const out = [];
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth) {
    const wide = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1).slice(-1)[0];
    out.push(`overflows sideways by ${root.scrollWidth - innerWidth} px (${wide?.tagName}.${wide?.className})`);
  }
  if (!root.lang) out.push("has no language");
  if (!document.title) out.push("has no title");
  const shown = (e) => e.checkVisibility?.({ visibilityProperty: true }) ?? e.getClientRects().length > 0;
  if ([...document.querySelectorAll("h1")].filter(shown).length !== 1) out.push("has not exactly one h1");
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of new Set(ids.filter((x, i) => ids.indexOf(x) !== i))) out.push(`uses the id ${id} twice`);
  for (const e of document.querySelectorAll("a[href], button, input, select, textarea, summary, [role=button]")) {
    if (!shown(e) || e.type === "hidden" || e.className === "skip") continue;
    const labels = [...(e.labels ?? [])].map((l) => l.textContent).join("");
    const by = (e.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent ?? "").join("");
    const own = e.matches("input, select, textarea") ? "" : e.textContent;
    const what = `${e.tagName.toLowerCase()}${e.id ? "#" + e.id : ""} "${(own || e.name || "").trim().slice(0, 30)}"`;
    if (!(labels + by + own + (e.getAttribute("aria-label") ?? "") + (e.title ?? "")).trim()) out.push(`${what} has no name`);
    const box = e.getBoundingClientRect();
    const inText = e.tagName === "A" && getComputedStyle(e).display === "inline";
    if (!inText && (box.height < 24 || box.width < 24)) {
      const label = e.labels?.[0]?.getBoundingClientRect();
      if (!label || label.height < 24) out.push(`${what} is smaller than 24 px (${Math.round(box.width)} × ${Math.round(box.height)})`);
    }
  }
  for (const i of document.querySelectorAll("img")) {
    if (!i.hasAttribute("alt")) out.push("an image has no alt");
    if (i.complete && i.naturalWidth === 0) out.push(`the image "${i.alt}" does not show`);
  }
  return out;
}
