// The operator's and the promoter's way.

import { inspect, launch } from "./chromium.mjs";
import { admit, handOver, lookBack, mend } from "./places.mjs";
import { check } from "./report.mjs";

const REASON = "Browser test: a short pause";

async function signIn(page, { email, password }) {
  await page.locator('main[data-state="ready"], main[data-state="signed-out"]').waitFor();
  if ((await page.locator("main").getAttribute("data-state")) === "ready") return;
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByTestId("sign-in-submit").click();
  await page.locator('main[data-state="ready"]').waitFor();
}

/** Sign in, change the pace, pause while another fan looks on, resume. */
export async function operate(report, page, fan, { base, sale, out, operator }) {
  const step = (name, work) => report.step(name, page, work);
  const stateIs = (state) => page.locator(`[data-testid="sale-state"][data-state="${state}"]`).waitFor({ timeout: 15_000 });
  // A rate that was never measured is asked about once more.
  const apply = async (rate) => {
    await page.getByTestId("apply-tuning").click();
    const done = page.getByText(`Now ${new Intl.NumberFormat("en-GB").format(rate)}. No minute`).first();
    const sure = page.getByTestId("confirm-tuning");
    await done.or(sure).first().waitFor();
    if (await sure.isVisible()) {
      await inspect(page, out, "22-operator-confirms");
      await sure.click();
    }
    await done.waitFor();
  };
  await step("the operator signs in and picks the sale", async () => {
    await page.goto(base + "/operator");
    await page.locator('main[data-state="signed-out"]').waitFor();
    const faults = await inspect(page, out, "20-operator-sign-in");
    await signIn(page, operator);
    await page.locator(`a[href="#/s/${sale}"]`).waitFor();
    faults.push(...(await inspect(page, out, "21-operator-sales")));
    await page.locator(`a[href="#/s/${sale}"]`).click();
    await page.getByTestId("rate").waitFor();
    return faults;
  });
  let rate = 0;
  await step("the operator changes the rate with a reason", async () => {
    rate = Number(await page.getByTestId("rate").inputValue());
    check(rate >= 1, `the rate reads ${rate}`);
    const changed = rate < 600_000 ? rate + 1 : rate - 1;
    await page.getByTestId("rate").fill(String(changed));
    await page.getByTestId("preview-button").click();
    await page.getByTestId("preview").waitFor({ timeout: 60_000 });
    const faults = await inspect(page, out, "22-operator-preview");
    await page.getByTestId("reason").fill("Browser test: one more per minute");
    await apply(changed);
    await page.getByTestId("audit").getByText("Browser test: one more per minute").first().waitFor();
    return [...faults, ...(await inspect(page, out, "22-operator-live"))];
  });
  await step("the operator undoes it, and the history tells both", async () => {
    await page.getByTestId("undo").click();
    const faults = await inspect(page, out, "22-operator-undo");
    await page.getByTestId("undo-reason").fill("Browser test: back");
    await page.getByTestId("undo-yes").click();
    await page.getByTestId("audit").getByText("Undid a change").first().waitFor();
    await page.waitForFunction((n) => document.querySelector('[data-testid="rate"]').value === String(n), rate);
    return faults;
  });
  await step("a schedule and the brake are set and taken away", async () => {
    await page.getByLabel("Change the rate by a schedule").check();
    await page.getByTestId("step-at").fill("2035-06-01T20:00");
    await page.getByLabel(/Halve the pace/).check();
    await page.getByTestId("target").fill(String(rate));
    await page.getByTestId("reason").fill("Browser test: every knob");
    await page.getByTestId("apply-tuning").click();
    await page.getByTestId("in-force").getByText("ready").waitFor();
    await page.getByTestId("in-force").getByText(/from 1 Jun/).waitFor();
    const faults = await inspect(page, out, "22-operator-knobs");
    await page.getByTestId("undo").click();
    await page.getByTestId("undo-reason").fill("Browser test: without them");
    await page.getByTestId("undo-yes").click();
    await page.getByTestId("in-force").getByText("ready").waitFor({ state: "detached" });
    return faults;
  });
  await step("the operator pauses, and fans read the reason", async () => {
    await page.getByTestId("pause").click();
    await page.getByTestId("pause-reason").fill(REASON);
    await page.getByTestId("pause-yes").click();
    await stateIs("paused");
    const faults = await inspect(page, out, "23-operator-paused");
    await fan.page.bringToFront();
    await fan.page.goto(fan.address);
    await fan.join(1);
    await fan.on("paused", 15_000);
    await fan.page.getByText(REASON).first().waitFor();
    return [...faults, ...(await fan.look("24-paused"))];
  });
  await handOver(report, fan, { out });
  await mend(report, page, fan, { base, sale, out });
  await step("an emergency stop is told as one, and nobody can join", async () => {
    await page.goto(`${base}/operator#/s/${sale}/live`);
    await page.getByTestId("stop").click();
    await page.getByTestId("stop-reason").fill("Browser test: a short stop");
    await page.getByTestId("stop-yes").click();
    await page.getByTestId("stop-confirm").waitFor();
    const faults = await inspect(page, out, "28-operator-stop-asked");
    await page.getByTestId("stop-confirm").click();
    await stateIs("stopped");
    faults.push(...(await inspect(page, out, "28-operator-stopped")));
    await fan.page.bringToFront();
    await fan.page.getByText("The sale is stopped for now").waitFor({ timeout: 15_000 });
    faults.push(...(await fan.look("28-stopped")));
    const fresh = await launch();
    try {
      const p = fresh.context.pages()[0] ?? (await fresh.context.newPage());
      await p.goto(`${base}/q/${sale}`);
      await p.getByTestId("stopped").waitFor({ timeout: 15_000 });
      faults.push(...(await inspect(p, out, "28-join-stopped")));
    } finally {
      await fresh.close();
    }
    await page.bringToFront();
    await page.getByTestId("start").click();
    await page.getByTestId("start-reason").fill("Browser test: it is over");
    await page.getByTestId("start-yes").click();
    await page.getByTestId("start-confirm").click();
    await stateIs("paused");
    return faults;
  });
  await step("the operator resumes, and the line goes on", async () => {
    await page.getByTestId("resume").click();
    await page.getByTestId("resume-reason").fill("Browser test: the pause is over");
    await page.getByTestId("resume-yes").click();
    await page.getByTestId("resume-confirm").click();
    await stateIs("open");
    await fan.on(["waiting", "standing", "holding"], 15_000);
  });
  await step("a fan leaves the line or gives seats back", async () => {
    await fan.page.bringToFront();
    for (let i = 0; i < 20; i++) {
      const state = await fan.state();
      if (state === "left" || state === "released") break;
      const button = state === "holding" ? "give-back-button" : "leave-button";
      await fan.id(button).click({ timeout: 3000 }).catch(() => {});
      await fan.id("confirm-button").click({ timeout: 3000 }).catch(() => {});
      await fan.page.locator('main[data-state="left"], main[data-state="released"]').waitFor({ timeout: 3000 }).catch(() => {});
    }
    check(["left", "released"].includes(await fan.state()), `the screen is ${await fan.state()}`);
    return fan.look("25-" + (await fan.state()));
  });
}

/** An event from nothing to a published sale, a conflict, a refund. */
export async function promote(report, page, fan, { base, out, event, operator, office }) {
  const step = (name, work) => report.step(name, page, work);
  const tab = (name) => page.getByRole("navigation", { name: "Parts of the event" }).getByRole("link", { name, exact: true }).click();
  let organisation = "";
  await step("the promoter finds the event and its parts", async () => {
    await page.goto(base + "/promoter");
    await signIn(page, operator);
    await page.getByTestId("organisation").first().waitFor();
    const faults = await inspect(page, out, "30-promoter-organisations");
    organisation = await page.evaluate((id) => fetch("/v1/events/" + id).then((r) => r.json()).then((e) => e.organisation_id), event);
    await page.goto(`${base}/promoter#/o/${organisation}`);
    await page.locator(`a[href="#/e/${event}"]`).waitFor();
    faults.push(...(await inspect(page, out, "31-promoter-events")));
    await page.locator(`a[href="#/e/${event}"]`).click();
    await page.getByTestId("save-event").waitFor();
    faults.push(...(await inspect(page, out, "32-promoter-details")));
    await tab("Sales");
    await page.getByTestId("sale").first().waitFor();
    faults.push(...(await inspect(page, out, "33-promoter-sales")));
    return faults;
  });
  let created = "";
  await step("the promoter creates an event and generates its seats", async () => {
    await page.goto(`${base}/promoter#/o/${organisation}`);
    await page.getByTestId("new-event").click();
    await page.getByLabel("Name", { exact: true }).fill(`Browser test ${new Date().toISOString().slice(0, 19)}`);
    await page.getByLabel("Venue", { exact: true }).fill("Test hall");
    await page.getByLabel("Starts").fill("2035-06-01T20:00");
    await page.getByLabel("Time zone of the venue").fill("Europe/Berlin");
    await page.getByTestId("save-event").click();
    await page.getByText("No seat map yet").waitFor();
    created = new URL(page.url()).hash.split("/")[2];
    for (const [label, n] of [["Sections", 2], ["Rows per section", 3], ["Seats per row", 8]]) await page.getByLabel(label).fill(String(n));
    await page.getByTestId("generate-map").click();
    await page.getByTestId("map-preview").waitFor();
    const faults = await inspect(page, out, "34-promoter-seats");
    await page.getByTestId("store-map").click();
    await page.getByText("The seat map is stored.").waitFor();
    return faults;
  });
  await step("two promoters edit at once, and nothing typed is lost", async () => {
    await tab("Details");
    await page.getByTestId("save-event").waitFor();
    await page.getByLabel("Venue", { exact: true }).fill("Test hall, upper floor");
    const other = await page.context().newPage();
    await other.goto(`${base}/promoter#/e/${created}`);
    await signIn(other, operator);
    await other.getByLabel("Currency").fill("GBP");
    await other.getByTestId("save-event").click();
    await other.getByText("Saved.").waitFor();
    await other.close();
    await page.bringToFront();
    await page.getByTestId("save-event").click();
    await page.getByTestId("conflict").waitFor();
    check((await page.getByLabel("Venue", { exact: true }).inputValue()) === "Test hall, upper floor", "what was typed is lost");
    const faults = await inspect(page, out, "35-promoter-conflict");
    await page.getByTestId("conflict-merge").click();
    await page.getByTestId("save-event").click();
    await page.getByText("Saved.").waitFor();
    check((await page.getByLabel("Currency").inputValue()) === "GBP", "their change is lost");
    return faults;
  });
  let sale = "";
  await step("the promoter creates and publishes a sale", async () => {
    await tab("Sales");
    await page.getByLabel("Allotment").fill("10");
    await page.getByTestId("save-sale").click();
    await page.getByTestId("publish-sale").waitFor();
    await page.getByTestId("publish-event").click();
    await page.getByTestId("publish-event-yes").click();
    await page.getByText("Published").first().waitFor();
    await page.getByTestId("publish-sale").click();
    await page.getByTestId("publish-sale-yes").click();
    sale = (await page.getByTestId("sale").locator('a[href^="/q/"]').getAttribute("href")).slice(3);
    return inspect(page, out, "36-promoter-published");
  });
  await step("fans see the countdown to the new sale", async () => {
    const fresh = await launch();
    try {
      const p = fresh.context.pages()[0] ?? (await fresh.context.newPage());
      await p.goto(`${base}/q/${sale}`);
      await p.locator('main[data-state="not_open"]').waitFor({ timeout: 15_000 });
      check(/\d:\d\d/.test(await p.getByTestId("countdown").textContent()), "there is no countdown");
      return await inspect(p, out, "37-not-open");
    } finally {
      await fresh.close();
    }
  });
  // One after the other: sales of one event do not overlap here.
  await lookBack(report, { base, out, created, office, page });
  await admit(report, page, { base, out, created, office });
  if (!fan.reference) return;
  await step("the promoter refunds the booking, and the fan is told", async () => {
    await page.goto(`${base}/promoter#/e/${event}/bookings`);
    const row = page.getByRole("row").filter({ hasText: fan.reference });
    await page.getByRole("table").waitFor();
    for (let i = 0; i < 200 && !(await row.count()); i++) {
      const more = page.getByRole("button", { name: "Load more" });
      check(await more.count(), `the booking ${fan.reference} is not in the list`);
      const rows = await page.getByRole("row").count();
      await more.click();
      await page.waitForFunction((n) => document.querySelectorAll("tr").length > n || ![...document.querySelectorAll("button")].some((b) => b.textContent === "Load more"), rows);
    }
    await page.getByLabel("Search in what is loaded").fill(fan.reference);
    await row.getByTestId("refund").click();
    const faults = await inspect(page, out, "38-promoter-bookings");
    await row.getByTestId("refund-yes").click();
    await row.getByText("Refunded").waitFor({ timeout: 30_000 });
    await fan.page.goto(fan.address);
    await fan.on("refunded");
    return [...faults, ...(await fan.look("39-refunded"))];
  });
}
