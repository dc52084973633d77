// A fan's way: from the list of events to the tickets.

import { join } from "node:path";
import { inspect, SIZES } from "./chromium.mjs";
import { check } from "./report.mjs";

export const BAD_CARD = "4000 0000 0000 0002";
export const GOOD_CARD = "4242 4242 4242 4242";

const screen = (...states) => states.map((s) => `main[data-state="${s}"]`).join(", ");
const AFTER_WAITING = ["standing", "holding"];

/** The queue page in one tab, driven by its `data-state` and `data-testid`s. */
export class Fan {
  constructor(page, { base, sale, out, turnMs, waitMs, name }) {
    Object.assign(this, { page, base, sale, out, turnMs, waitMs, name });
  }
  get address() {
    return `${this.base}/q/${this.sale}`;
  }
  id(testid) {
    return this.page.getByTestId(testid);
  }
  state() {
    return this.page.locator("main").getAttribute("data-state");
  }
  on(states, timeout = this.waitMs) {
    return this.page.locator(screen(...[states].flat())).waitFor({ timeout });
  }
  look(name) {
    return inspect(this.page, this.out, name);
  }

  async join(party = 2) {
    await this.on("join", this.turnMs);
    const most = await this.id("party").locator("option").count();
    await this.id("party").selectOption(String(Math.min(party, most)));
    await this.id("join-button").click();
    await this.on(["lobby", "drawing", "waiting", "paused", ...AFTER_WAITING], this.waitMs);
  }

  async leave() {
    await this.id("leave-button").click();
    await this.id("confirm-button").click();
    await this.on("left");
  }

  /** Watches `ahead` until the turn comes; the values seen, in order. */
  async untilTurn() {
    await this.page.evaluate(() => {
      window.seen = [];
      const note = () => {
        const n = Number(document.querySelector('[data-testid="ahead"]')?.textContent?.replace(/\D/g, "") || NaN);
        if (!Number.isNaN(n) && n !== window.seen[window.seen.length - 1]) window.seen.push(n);
      };
      note();
      new MutationObserver(note).observe(document.querySelector("main"), { subtree: true, childList: true, characterData: true });
    });
    await this.on(AFTER_WAITING, this.turnMs);
    return this.page.evaluate(() => window.seen);
  }

  /** Types a card into the provider's page. */
  async card(number) {
    await this.page.getByLabel(/card number/i).waitFor({ timeout: this.waitMs });
    await this.page.getByLabel(/card number/i).fill(number);
    for (const [label, value] of [[/expir/i, "12/34"], [/cvc|security code/i, "123"], [/^name/i, "Kim Fan"]]) {
      const field = this.page.getByLabel(label);
      if (await field.count()) await field.first().fill(value);
    }
    await this.page.getByRole("button", { name: /pay/i }).first().click();
  }
  async toPayPage(button) {
    await this.id(button).click();
    await this.page.waitForURL((u) => !u.pathname.startsWith("/q/"), { timeout: this.waitMs });
    await this.page.getByLabel(/card number/i).waitFor({ timeout: this.waitMs });
  }
}

/** Until seats are held: steps 1 to 6. */
export async function toTheSeats(report, fan, event, { crowd, drawn, faster }) {
  const { page, base } = fan;
  const step = (name, work) => report.step(name, page, work);
  await step("the list of events names the event", async () => {
    await page.goto(base + "/");
    await fan.on("events");
    await page.locator(`a[href="/e/${event}"]`).first().waitFor();
    return fan.look("01-events");
  });
  await step("the event page shows prices and the sale", async () => {
    await page.goto(`${base}/e/${event}`);
    await fan.on("event");
    await page.locator(`a[href="/q/${fan.sale}"]`).waitFor();
    return fan.look("02-event");
  });
  await step("the sale's page shows the form", async () => {
    await page.locator(`a[href="/q/${fan.sale}"]`).click();
    await fan.on("join", fan.turnMs);
    return fan.look("03-join");
  });
  await step("a fan joins the lobby, where nobody has a number", async () => {
    await crowd();
    await fan.join();
    check((await fan.state()) === "lobby", `expected the lobby, but the screen is ${await fan.state()}`);
    check((await fan.id("ahead").count()) === 0, "the lobby shows how many are ahead");
    const faults = await fan.look("03-lobby");
    // Whoever is drawn first would not wait: this one leaves, to come again behind the crowd.
    await fan.leave();
    return faults;
  });
  await step("the fan joins again after the draw and is told how many are ahead", async () => {
    await drawn();
    await fan.id("join-again-button").click();
    await fan.join();
    check((await fan.state()) === "waiting", `expected to wait behind the crowd, but the screen is ${await fan.state()}`);
    check(/ahead|next/.test(await page.title()), `the title does not say the state: ${await page.title()}`);
    const watch = fan.untilTurn().catch((e) => e);
    const faults = await fan.look("04-waiting");
    await faster();
    fan.watch = watch;
    return faults;
  });
  await step("ahead falls until it is their turn", async () => {
    const seen = await fan.watch;
    if (seen instanceof Error) throw seen;
    check(seen.length >= 2, `only these values of ahead were seen: ${seen.join(", ")}`);
    check(seen.every((n, i) => i === 0 || n <= seen[i - 1]), `ahead grew: ${seen.join(", ")}`);
    console.log(`       ahead: ${seen.slice(0, 12).join(" ")}${seen.length > 12 ? " … " + seen.slice(-3).join(" ") : ""}`);
    if ((await fan.state()) === "standing") await page.screenshot({ path: join(fan.out, "05-standing-phone.png") });
  });
  await step("seats are held, with a countdown", async () => {
    await fan.on("holding", fan.turnMs);
    await fan.id("seats").waitFor();
    check((await fan.id("seats").locator("li").count()) >= 1, "no seats are listed");
    const first = await fan.id("countdown").textContent();
    await page.waitForFunction((was) => document.querySelector('[data-testid="countdown"]')?.textContent !== was, first, { timeout: 5000 });
    check(/turn/i.test(await page.title()), `the title does not say that it is their turn: ${await page.title()}`);
    return fan.look("06-holding");
  });
}

/** From a hold that lapses to the tickets. */
export async function toTheTickets(report, fan, { holdMs, email }) {
  const { page } = fan;
  const step = (name, work) => report.step(name, page, work);
  await step("an unpaid hold lapses", async () => {
    await fan.on("lapsed", holdMs + 30_000);
    return fan.look("10-lapsed");
  });
  await step("the fan joins again at the back and gets seats", async () => {
    await fan.id("join-again-button").click();
    await fan.join();
    await fan.on("holding", fan.turnMs);
    await fan.id("seats").waitFor();
  });
  await step("the pay button leads to the provider's page", async () => {
    await fan.id("email").fill(email);
    await fan.toPayPage("pay-button");
    await page.screenshot({ path: join(fan.out, "11-pay-page-phone.png") });
    await page.setViewportSize(SIZES.desktop);
    await page.screenshot({ path: join(fan.out, "11-pay-page-desktop.png") });
  });
  await step("coming back without paying shows the payment under way", async () => {
    await page.goto(fan.address);
    await fan.on("paying");
    return fan.look("12-paying");
  });
  await step("a declined card keeps the seats", async () => {
    await fan.toPayPage("pay-link");
    await fan.card(BAD_CARD);
    await page.getByRole("alert").filter({ hasText: /\S/ }).first().waitFor({ timeout: fan.waitMs });
    await page.screenshot({ path: join(fan.out, "13-pay-page-declined.png") });
    await page.goto(fan.address);
    await fan.on("declined");
    await fan.id("seats").waitFor();
    return fan.look("14-declined");
  });
  await step("another card pays, and the tickets come with QR codes", async () => {
    await fan.toPayPage("pay-button");
    await fan.card(GOOD_CARD);
    await page.waitForURL((u) => u.pathname === `/q/${fan.sale}`, { timeout: fan.waitMs });
    await fan.on("booked");
    await fan.id("ticket").first().waitFor();
    const shown = await page.locator('[data-testid="ticket"] img').evaluateAll((all) => Promise.all(all.map((i) => i.decode().then(() => i.naturalWidth > 0, () => false))));
    check(shown.length >= 1 && shown.every(Boolean), `the QR codes do not show: ${shown}`);
    fan.reference = ((await fan.id("reference").textContent()) ?? "").trim();
    check(fan.reference.length >= 4, "there is no booking reference");
    return fan.look("15-booked");
  });
  await step("the tickets are there after a reload", async () => {
    await page.reload();
    await fan.on("booked");
    await fan.id("ticket").first().waitFor();
  });
  await step("the booking is found by e-mail and reference", async () => {
    await page.goto(fan.base + "/find");
    await fan.on("form");
    const faults = await inspect(page, fan.out, "16-find");
    await fan.id("find-email").fill(email);
    await fan.id("find-reference").fill(fan.reference);
    await fan.id("find-button").click();
    await fan.on("found");
    await page.getByTestId("found").getByTestId("ticket").first().waitFor();
    return [...faults, ...(await inspect(page, fan.out, "17-found"))];
  });
}
