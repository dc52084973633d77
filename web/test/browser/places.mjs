// Single places: told about, changed, handed over, found and mended; and who may enter by a code.

import { inspect, launch } from "./chromium.mjs";
import { Fan } from "./fan.mjs";
import { check } from "./report.mjs";

/** A second device, for as long as `work` runs. */
async function elsewhere(fan, work) {
  const device = await launch();
  try {
    const page = device.context.pages()[0] ?? (await device.context.newPage());
    page.setDefaultTimeout(fan.waitMs);
    return await work(new Fan(page, { ...fan, page, name: "other device" }));
  } finally {
    await device.close();
  }
}

async function details(fan) {
  const open = await fan.id("place-details").getAttribute("open");
  if (open === null) await fan.id("place-details").locator("summary").click();
  await fan.id("steps").waitFor();
}
async function transferCode(fan) {
  await details(fan);
  await fan.id("make-transfer").click();
  return (await fan.id("transfer-code").locator(".code").textContent()).trim();
}
async function take(fan, code) {
  await fan.id("take-over").click();
  await fan.id("transfer-input").fill(code);
  await fan.id("transfer-take").click();
}

/** The fan's place is told, changed, taken to another device and back; the line is paused. */
export async function handOver(report, fan, { out }) {
  const step = (name, work) => report.step(name, fan.page, work);
  await step("the fan reads all about the place and changes the wishes", async () => {
    await details(fan);
    check(/^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]$/.test(await fan.id("support-code").textContent()), "there is no support code");
    const entry = await fan.id("entry").textContent();
    await fan.id("change-wishes").click();
    await fan.id("party").selectOption("2");
    const faults = await fan.look("26-place-wishes");
    await fan.id("save-wishes").click();
    await fan.id("wishes").getByText("2 tickets").waitFor();
    check((await fan.id("entry").textContent()) === entry, "the place moved");
    return [...faults, ...(await fan.look("26-place"))];
  });
  await step("the place goes to another device, and back", () => elsewhere(fan, async (other) => {
    const code = await transferCode(fan);
    const faults = await fan.look("26-transfer-code");
    await other.page.goto(other.address);
    await other.on("join", other.turnMs);
    await take(other, "ABCD-EFGH-JKMN");
    await other.page.getByText("There is no such code").waitFor();
    faults.push(...(await other.look("26-transfer-refused")));
    await other.id("transfer-input").fill(code);
    await other.id("transfer-take").click();
    await other.on("paused");
    await fan.page.bringToFront();
    await fan.id("moved").waitFor({ timeout: 20_000 });
    faults.push(...(await fan.look("26-moved")), ...(await other.look("26-taken-over")));
    const back = await transferCode(other);
    await fan.page.bringToFront();
    await fan.id("start-anew").click();
    await fan.on("join");
    await take(fan, back);
    await fan.on("paused");
    await other.id("moved").waitFor({ timeout: 20_000 });
    return faults;
  }));
}

/** An operator finds the fan's place by its support code, takes it out, and puts it to the head. */
export async function mend(report, page, fan, { base, sale, out }) {
  const step = (name, work) => report.step(name, page, work);
  const placeIs = (state) => page.locator(`[data-testid="found-place"][data-state="${state}"]`).waitFor();
  await step("the operator finds one place with its history", async () => {
    await fan.page.bringToFront();
    await details(fan);
    const code = await fan.id("support-code").textContent();
    await page.bringToFront();
    await page.goto(`${base}/operator#/s/${sale}/fan`);
    await page.getByTestId("support-code").fill("K3M9");
    await page.getByTestId("find-place").click();
    await page.getByTestId("trouble").waitFor();
    const faults = await inspect(page, out, "27-operator-find-fault");
    await page.getByTestId("support-code").fill(code.toLowerCase());
    await page.getByTestId("find-place").click();
    await placeIs("waiting");
    check((await page.getByTestId("place-history").getByText("by a transfer code").count()) === 2, "the history does not tell of both transfers");
    return [...faults, ...(await inspect(page, out, "27-operator-found"))];
  });
  await step("the operator takes the place out, and the fan reads why", async () => {
    await page.getByTestId("remove").click();
    await page.getByTestId("remove-reason").fill("Browser test: taken out by mistake");
    await page.getByTestId("remove-yes").click();
    await placeIs("removed");
    const faults = await inspect(page, out, "27-operator-removed");
    await fan.page.bringToFront();
    await fan.on("removed", 15_000);
    await fan.id("removed-reason").getByText("taken out by mistake").waitFor();
    return [...faults, ...(await fan.look("27-removed"))];
  });
  await step("the operator puts the place to the head, and the fan has it back", async () => {
    await page.getByTestId("put-front").click();
    await page.getByTestId("put-front-reason").fill("Browser test: and put back");
    await page.getByTestId("put-front-yes").click();
    await placeIs("waiting");
    const faults = await inspect(page, out, "27-operator-put-back");
    await fan.page.bringToFront();
    // The page asks as soon as it is looked at again.
    await fan.page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await fan.on("paused", 15_000);
    await details(fan);
    await fan.id("steps").getByText("to the head of the line").waitFor();
    check((await fan.id("ahead").textContent()) === "0", "the place is not at the head");
    return [...faults, ...(await fan.look("27-put-back"))];
  });
}

/** A sale that is over has a report for everybody, and one without a draw says so. */
export async function lookBack(report, { base, out, created, office, page }) {
  await report.step("the report of a sale that is over is public, and it had no draw", page, async () => {
    const early = await office.saleNow(created, { entry: "open", name: "Short sale", lastsMs: 12_000 });
    const device = await launch();
    try {
      const p = device.context.pages()[0] ?? (await device.context.newPage());
      p.setDefaultTimeout(45_000);
      await p.goto(`${base}/q/${early}`);
      await p.getByTestId("join-button").click();
      await p.locator('main:is([data-state="waiting"], [data-state="standing"], [data-state="holding"])').waitFor();
      await p.goto(`${base}/report/${early}`);
      await p.locator('main[data-state="early"]').waitFor();
      const faults = await inspect(p, out, "40-report-early");
      for (let i = 0; i < 40 && (await p.locator("main").getAttribute("data-state")) !== "report"; i++) {
        await p.waitForTimeout(500);
        await p.reload();
        await p.locator('main:is([data-state="early"], [data-state="report"])').waitFor();
      }
      await p.locator('main[data-state="report"]').waitFor({ timeout: 1000 });
      await p.getByText("Short sale").first().waitFor();
      faults.push(...(await inspect(p, out, "41-report")));
      await p.goto(`${base}/draw/${early}`);
      await p.getByTestId("check-button").click();
      await p.locator('main[data-state="none"]').waitFor();
      return [...faults, ...(await inspect(p, out, "42-draw-none"))];
    } finally {
      await device.close();
    }
  });
}

/** A sale by access codes: the promoter makes and imports some, a fan joins by one. */
export async function admit(report, page, { base, out, created, office }) {
  const step = (name, work) => report.step(name, page, work);
  let sale = "";
  let code = "";
  await step("the promoter makes a code and imports lists", async () => {
    sale = await office.saleNow(created);
    await page.goto(`${base}/promoter#/e/${created}/codes`);
    await page.reload();
    const which = page.getByLabel("Of which sale");
    await which.waitFor();
    await which.selectOption(sale);
    await page.getByText("No code yet.").waitFor();
    const faults = await inspect(page, out, "36-codes-empty");
    await page.getByTestId("code-label").fill("press");
    await page.getByTestId("code-uses").fill("2");
    await page.getByTestId("make-code").click();
    code = (await page.getByTestId("made-code").locator("code").textContent()).trim();
    faults.push(...(await inspect(page, out, "36-code-made")));
    await page.getByTestId("csv").fill("code,uses_max,label\nFANCLUB-AAAA-0001,3,fan club\nX,1,too short\n");
    await page.getByTestId("import-list").click();
    await page.getByTestId("trouble").waitFor();
    faults.push(...(await inspect(page, out, "36-import-faults")));
    await page.getByLabel(/Import the good lines/).check();
    await page.getByTestId("import-list").click();
    await page.getByTestId("imported").getByText("1 code imported.").waitFor();
    await page.getByLabel("List of").selectOption("invitations");
    await page.getByTestId("csv").fill("email,class,reason\nkim@example.org,1,season ticket\n");
    await page.getByTestId("import-list").click();
    await page.getByTestId("imported").getByText("1 address imported.").waitFor();
    check((await page.getByTestId("codes").locator("tbody tr").count()) === 2, "the list does not show two codes");
    return [...faults, ...(await inspect(page, out, "36-codes"))];
  });
  await step("a fan joins by the code, and the promoter sees its use", async () => {
    const device = await launch();
    try {
      const p = device.context.pages()[0] ?? (await device.context.newPage());
      await p.goto(`${base}/q/${sale}`);
      await p.getByTestId("code").fill("WRONG-0000");
      await p.getByTestId("join-button").click();
      await p.getByText("The sale has no such code").waitFor();
      const faults = await inspect(p, out, "37-code-unknown");
      await p.getByTestId("code").fill(code.toLowerCase());
      await p.getByTestId("join-button").click();
      await p.locator('main:is([data-state="waiting"], [data-state="standing"], [data-state="holding"])').waitFor();
      await page.bringToFront();
      await page.reload();
      await page.getByLabel("Of which sale").selectOption(sale);
      await page.getByTestId("codes-used").getByText("1 of 5").waitFor();
      await page.getByTestId("entry-classes").getByText("press").waitFor();
      await page.getByTestId("end-code").first().click();
      await page.getByTestId("end-code-yes").click();
      await page.getByTestId("codes").getByText(/^ended /).waitFor();
      return [...faults, ...(await inspect(page, out, "37-codes-used"))];
    } finally {
      await device.close();
    }
  });
}
