// Renders every screen from made-up answers at phone and desktop width: `npm run test:screens [-- --out DIR]`.

import { readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect, launch, listenForErrors } from "./browser/chromium.mjs";
import { consoles } from "./fixture/consoles.mjs";
import { head, SCENES } from "./fixture/data.mjs";
import { picking } from "./fixture/picking.mjs";
import { start } from "./fixture-server.mjs";

const arg = (name, otherwise) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : otherwise);
const out = arg("--out", join(tmpdir(), "usher-screens"));
const only = arg("--only", "");

/** Where a scene's name is not what the page calls its screen. */
const STATE = { gathering: "standing", asked_one: "asked", announced: "waiting", opening: "join", join_account: "join", join_paused: "join", not_open_lobby: "not_open", join_lobby: "join", join_drawing: "join", busy: "join", join_code: "join", join_invited: "join", join_stopped: "join", stopped: "paused", frozen: "holding", exchange: "holding", exchange_looking: "holding", exchange_nothing: "holding", exchange_done: "holding", moved: "waiting", lobby_stopped: "lobby", capturing: "paying", sold_out_wishes: "sold_out", fault: "problem" };

let passed = 0;
const failed = [];
const fixture = await start();
const none = await start({ empty: true });

async function screen(name, visit, { dark = false } = {}) {
  if (only && !name.includes(only)) return;
  const { context, close } = await launch({ colorScheme: dark ? "dark" : "light" });
  const faults = [];
  try {
    const page = context.pages()[0] ?? (await context.newPage());
    page.setDefaultTimeout(15_000);
    await page.addInitScript(() => {
      if (location.pathname.startsWith("/q/")) localStorage.setItem("usher.visitor", JSON.stringify({ fan_id: "fan_0", token: "vis_0", expires_at_ms: Date.now() + 1e9 }));
    });
    const errors = listenForErrors(page, (text) => /status of (401|403|404|409|412|422|429|500|503)|WebSocket connection|ERR_EMPTY_RESPONSE|ERR_CONNECTION/.test(text));
    await visit(page);
    faults.push(...(await inspect(page, out, name)), ...errors.map((e) => `${name}: ${e}`));
  } catch (e) {
    faults.push(`${name}: ${e.message.split("\n").slice(0, 3).join(" ")}`);
  } finally {
    await close();
  }
  if (faults.length) failed.push(...faults);
  else passed++;
  console.log(`${faults.length ? "FAIL" : "ok  "} ${name}`);
}

const at = (page, state) => page.locator(`main[data-state="${state}"]`).waitFor();

for (const name of Object.keys(SCENES).filter((s) => s !== "cut")) {
  await screen(`queue-${name}`, async (page) => {
    await page.goto(`${fixture.url}/q/sal_${name}`);
    await at(page, STATE[name] ?? name);
    if (["holding", "declined", "paying", "capturing"].includes(name)) await page.getByTestId("seats").waitFor();
    if (name.startsWith("exchange")) await page.locator(`[data-exchange="${name.split("_")[1] ?? "possible"}"]`).waitFor();
    if (name === "booked") await page.getByTestId("ticket").first().waitFor();
    if (name === "removed") await page.getByTestId("removed-reason").getByText("another account").waitFor();
    if (name === "join_code") {
      await page.getByTestId("code").fill("FANCLUB-9M2K");
      await page.getByTestId("join-button").click();
      await page.getByText("The code is used up.").waitFor();
    }
    if (name === "moved") {
      await page.getByTestId("place-details").locator("summary").click();
      await page.getByTestId("moved").waitFor();
    }
    if (name === "join") await page.getByLabel("Gold").check();
    if (name === "busy") {
      await page.getByTestId("join-button").click();
      await page.getByTestId("join-wait").waitFor();
    }
  });
}
await screen("queue-unknown", async (page) => {
  await page.goto(`${fixture.url}/q/sal_nothing`);
  await at(page, "unknown");
});
for (const dark of ["waiting", "holding", "booked", "join"]) {
  await screen(`queue-${dark}-dark`, async (page) => {
    await page.goto(`${fixture.url}/q/sal_${dark}`);
    await at(page, dark);
    await page.waitForTimeout(300);
  }, { dark: true });
}
await screen("queue-confirm", async (page) => {
  await page.goto(`${fixture.url}/q/sal_waiting`);
  await page.getByTestId("leave-button").click();
  await page.getByTestId("confirm-button").waitFor();
});
const details = async (page, name) => {
  await page.goto(`${fixture.url}/q/sal_${name}`);
  await page.getByTestId("place-details").locator("summary").click();
  await page.getByTestId("steps").waitFor();
  await page.getByTestId("log-head").getByText("number 7").waitFor();
};
for (const name of ["waiting", "lobby", "skipped", "standing", "lapsed", "removed"]) await screen(`queue-place-${name}`, (page) => details(page, name));
await screen("queue-place-waiting-dark", (page) => details(page, "waiting"), { dark: true });
await screen("queue-place-wishes", async (page) => {
  await details(page, "waiting");
  await page.getByTestId("change-wishes").click();
  await page.getByTestId("party").selectOption("6");
  await page.getByTestId("save-wishes").click();
  await page.getByText("It is too late to change this.").waitFor();
});
await screen("queue-place-changed", async (page) => {
  await details(page, "waiting");
  await page.getByTestId("change-wishes").click();
  await page.getByTestId("party").selectOption("4");
  await page.getByLabel("Silver").uncheck();
  await page.getByTestId("save-wishes").click();
  await page.getByText("4 tickets, Gold, you would sit apart.").waitFor();
});
await screen("queue-place-transfer", async (page) => {
  await details(page, "waiting");
  await page.getByTestId("make-transfer").click();
  await page.getByTestId("transfer-code").waitFor();
});
await screen("queue-take-over", async (page) => {
  await page.goto(`${fixture.url}/q/sal_join`);
  await page.getByTestId("take-over").click();
  await page.getByTestId("transfer-input").fill("USED-0000-0000");
  await page.getByTestId("transfer-take").click();
  await page.getByText("The code was used before.").waitFor();
});
await screen("queue-taken-over", async (page) => {
  await page.goto(`${fixture.url}/q/sal_join`);
  await page.getByTestId("take-over").click();
  await page.getByTestId("transfer-input").fill("7QXA-K3M9-D2WF");
  await page.getByTestId("transfer-take").click();
  await at(page, "waiting");
});
await screen("queue-sign-in", async (page) => {
  await page.goto(`${fixture.url}/q/sal_join_account`);
  await page.getByTestId("sign-in-to-join").click();
  await page.getByLabel("E-mail").fill("kim@example.org");
  await page.getByLabel(/^Password/).fill("wrong-password");
  await page.getByTestId("sign-in-submit").click();
  await page.getByTestId("trouble").waitFor();
});
await screen("queue-pay-refused", async (page) => {
  await page.goto(`${fixture.url}/q/sal_holding`);
  await page.getByTestId("email").fill("kim@example.org");
  await page.getByTestId("pay-button").click();
  await page.getByTestId("trouble").waitFor();
});
const othersAsked = async (page) => {
  await page.goto(`${fixture.url}/q/sal_exchange`);
  await page.getByTestId("exchange-button").click();
  await page.getByTestId("elsewhere").check();
  await page.getByLabel("Gold").uncheck();
};
await screen("queue-exchange-form", othersAsked);
await screen("queue-exchange-form-dark", othersAsked, { dark: true });
await screen("queue-exchange-refused", async (page) => {
  await othersAsked(page);
  await page.getByTestId("exchange-ask").click();
  await page.getByTestId("trouble").waitFor();
});
await screen("index", async (page) => {
  await page.goto(fixture.url);
  await at(page, "events");
});
await screen("index-empty", async (page) => {
  await page.goto(none.url);
  await at(page, "empty");
});
await screen("event", async (page) => {
  await page.goto(`${fixture.url}/e/evt_fixture`);
  await at(page, "event");
});
await screen("event-unknown", async (page) => {
  await page.goto(`${fixture.url}/e/evt_nothing`);
  await at(page, "unknown");
});
await screen("find", async (page) => {
  await page.goto(`${fixture.url}/find`);
  await at(page, "form");
});
await screen("find-none", async (page) => {
  await page.goto(`${fixture.url}/find`);
  await page.getByTestId("find-email").fill("kim@example.org");
  await page.getByTestId("find-reference").fill("NONE-0000");
  await page.getByTestId("find-button").click();
  await at(page, "none");
});
await screen("find-found", async (page) => {
  await page.goto(`${fixture.url}/find`);
  await page.getByTestId("find-email").fill("kim@example.org");
  await page.getByTestId("find-reference").fill("k7m4-q2xd");
  await page.getByTestId("find-button").click();
  await at(page, "found");
});

await screen("find-gift", async (page) => {
  await page.goto(`${fixture.url}/find`);
  await page.getByTestId("find-email").fill("ada@example.org");
  await page.getByTestId("find-reference").fill("9tq2-m0kx");
  await page.getByTestId("find-button").click();
  await at(page, "found");
});

for (const [name, sale, state] of [["report", "sal_closed", "report"], ["report-empty", "sal_empty", "report"], ["report-early", "sal_live", "early"], ["report-unknown", "sal_nothing", "unknown"]]) {
  await screen(name, async (page) => {
    await page.goto(`${fixture.url}/report/${sale}`);
    await at(page, state);
  });
}
for (const [verdict, seq] of [["same", 7], ["wrong", 8]]) {
  await screen(`report-heads-${verdict}`, async (page) => {
    await page.addInitScript((heads) => localStorage.setItem("usher.heads.sal_closed", heads), JSON.stringify([head(3), head(seq)]));
    await page.goto(`${fixture.url}/report/sal_closed`);
    await page.locator(`[data-testid="heads"][data-verdict="${verdict}"]`).waitFor();
  });
}
await screen("report-dark", async (page) => {
  await page.goto(`${fixture.url}/report/sal_closed`);
  await at(page, "report");
}, { dark: true });
await screen("draw", async (page) => {
  await page.goto(`${fixture.url}/draw/sal_live`);
  await at(page, "form");
});
const drawFiles = async (damage = (_name, bytes) => bytes) => {
  const from = new URL("../../contracts/examples/draw/", import.meta.url);
  return Promise.all((await readdir(from)).map(async (name) => ({ name, mimeType: "application/octet-stream", buffer: damage(name, await readFile(new URL(name, from))) })));
};
await screen("draw-holds", async (page) => {
  await page.goto(`${fixture.url}/draw/sal_live`);
  await page.getByTestId("files").setInputFiles(await drawFiles());
  await at(page, "holds");
  await page.getByTestId("entry").fill("42");
  await page.getByTestId("entry-button").click();
  await page.getByText("Entry 42 drew number").waitFor();
});
await screen("draw-broken", async (page) => {
  await page.goto(`${fixture.url}/draw/sal_live`);
  await page.getByTestId("files").setInputFiles(await drawFiles((name, bytes) => (name === "roster.txt" ? Buffer.from(bytes.map((b, n) => (n === 60 ? b ^ 1 : b))) : bytes)));
  await at(page, "broken");
  await page.getByText("roster.txt, entry 2:").waitFor();
});
await screen("draw-none", async (page) => {
  await page.goto(`${fixture.url}/draw/sal_live`);
  await page.getByTestId("check-button").click();
  await at(page, "none");
});

const acknowledgement = (name) => readFile(new URL(`../../contracts/examples/acknowledgement/${name}.json`, import.meta.url), "utf8");
const keeps = async (page, name) => page.addInitScript((ack) => localStorage.setItem("usher.place.sal_live", JSON.stringify({ receipt: "", listen: {}, placeId: "", byAccount: false, ack })), JSON.parse(await acknowledgement(name)));
await screen("draw-kept", async (page) => {
  await keeps(page, "batch-7");
  await page.goto(`${fixture.url}/draw/sal_live`);
  await page.getByTestId("check-button").click();
  await at(page, "none");
  await page.getByTestId("own").getByText("The roster is not out yet").waitFor();
});
await screen("draw-in-roster", async (page) => {
  await keeps(page, "batch-7");
  await page.goto(`${fixture.url}/draw/sal_live`);
  await page.getByTestId("files").setInputFiles(await drawFiles());
  await at(page, "holds");
  await page.getByTestId("own").getByText("Entry 10 is in the roster").waitFor();
});
await screen("draw-left-out", async (page) => {
  await page.goto(`${fixture.url}/draw/sal_live`);
  const files = (await drawFiles()).filter(({ name }) => name.startsWith("roster."));
  await page.getByTestId("files").setInputFiles([...files, { name: "mine.json", mimeType: "application/json", buffer: Buffer.from(await acknowledgement("left-out")) }]);
  await page.getByTestId("own").getByText("Entry 1 was left out").waitFor();
});
await screen("draw-not-genuine", async (page) => {
  await page.goto(`${fixture.url}/draw/sal_live`);
  const files = (await drawFiles()).filter(({ name }) => name.startsWith("roster."));
  const changed = (await acknowledgement("batch-7")).replace('"10 plc_', '"11 plc_');
  await page.getByTestId("files").setInputFiles([...files, { name: "mine.json", mimeType: "application/json", buffer: Buffer.from(changed) }]);
  await page.getByTestId("own").getByText("entry: it was changed from 10 to 11").waitFor();
});

await picking(screen, fixture);
await consoles(screen, fixture.url);

await screen("queue-cut", async (page) => {
  await page.goto(`${fixture.url}/q/sal_cut`);
  await at(page, "waiting");
  await page.locator('main[data-connection="lost"]').waitFor();
});

// What the pages do, rather than what they show. The sale is played by a fixture of its own.
async function played(name, visit) {
  const play = await start({ holdMs: 20_000, crowd: 8 });
  await screen(name, (page) => visit(page, play));
  play.close();
}
await played("two-tabs", async (page, play) => {
  const other = await page.context().newPage();
  await other.goto(`${play.url}/q/sal_live`);
  await at(other, "join");
  await page.bringToFront();
  await page.goto(`${play.url}/q/sal_live`);
  await page.getByTestId("join-button").click();
  await other.locator('main:is([data-state="waiting"], [data-state="standing"], [data-state="holding"])').waitFor();
  await at(page, "holding");
  await page.getByTestId("give-back-button").click();
  await page.getByTestId("confirm-button").click();
  await at(page, "released");
  await at(other, "released");
});
await played("polling", async (page, play) => {
  await page.addInitScript(() => {
    window.WebSocket = class {
      constructor() {
        setTimeout(() => this.onclose?.({ code: 1006, reason: "" }), 10);
      }
      close() {}
    };
  });
  await page.goto(`${play.url}/q/sal_live`);
  await page.getByTestId("join-button").click();
  await at(page, "holding");
});
await played("extend-and-reload", async (page, play) => {
  await page.goto(`${play.url}/q/sal_live`);
  await page.getByTestId("join-button").click();
  await at(page, "holding");
  await page.getByTestId("extend-button").click();
  await page.getByTestId("extend-button").waitFor({ state: "hidden" });
  const left = (await page.getByTestId("countdown").textContent()).split(":").map(Number);
  if (left[0] * 60 + left[1] < 35) throw new Error(`extended to ${left.join(":")} only`);
  await page.reload();
  await at(page, "holding");
});
await played("exchange", async (page, play) => {
  await page.goto(`${play.url}/q/sal_live`);
  await page.getByTestId("join-button").click();
  await at(page, "holding");
  await page.getByTestId("seats").getByText("row 4, seat 11").waitFor();
  await page.getByTestId("exchange-button").click();
  await page.getByTestId("exchange-ask").click();
  await page.locator('[data-exchange="looking"]').waitFor();
  await page.locator('[data-exchange="done"]').waitFor();
  await page.getByTestId("seats").getByText("row 6, seat 11").waitFor();
  if (await page.getByTestId("exchange-button").isVisible()) throw new Error("seats can be exchanged again");
});
await played("session-ends-while-typing", async (page, play) => {
  await page.goto(`${play.url}/promoter`);
  await page.getByLabel("E-mail").fill("promoter@example.org");
  await page.getByLabel("Password").fill("correct horse");
  await page.getByTestId("sign-in-submit").click();
  await page.getByTestId("organisation").first().waitFor();
  await page.goto(`${play.url}/promoter#/e/evt_fixture`);
  await page.getByLabel("Venue", { exact: true }).fill("Elbe Arena, balcony");
  await page.evaluate(() => sessionStorage.setItem("usher.console", JSON.stringify({ ...JSON.parse(sessionStorage.getItem("usher.console")), access_token: "old" })));
  await page.route("**/v1/sessions/refresh", (r) => r.fulfill({ status: 401, json: { status: 401, code: "unauthorised", title: "The session has ended", detail: "", type: "" } }));
  await page.getByTestId("save-event").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("E-mail").fill("promoter@example.org");
  await dialog.getByLabel("Password").fill("correct horse");
  await dialog.getByTestId("sign-in-submit").click();
  await dialog.waitFor({ state: "hidden" });
  if ((await page.getByLabel("Venue", { exact: true }).inputValue()) !== "Elbe Arena, balcony") throw new Error("what was typed is lost");
  await page.getByTestId("save-event").click();
  await page.getByText("Saved.").waitFor();
});
fixture.close();
none.close();
for (const f of failed) console.log("  " + f);
console.log(`screenshots in ${out}`);
console.log(`${passed} passed, ${new Set(failed.map((f) => f.split(/[ :(]/)[0])).size} failed`);
process.exit(failed.length ? 1 : 0);
