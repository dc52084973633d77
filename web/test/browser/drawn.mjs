// The check of a published draw, in a real browser: of the sale at hand, of 100,000 entries, and of files with one byte changed.

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { inspect } from "./chromium.mjs";
import { check } from "./report.mjs";

const usher = process.env.USHER ?? new URL("../../../target/debug/usher", import.meta.url).pathname;
const ENTRIES = 100_000;
const FILES = ["commitment.json", "commitment.sig", "roster.json", "roster.sig", "roster.txt", "numbers.txt", "draw.json", "draw.sig"];
/** A line in the middle of a list. */
const LINE = 51_234;

export async function checkDraws(report, page, { base, sale, out }) {
  const step = (name, work) => report.step(name, page, work);
  const state = (name) => page.locator(`main[data-state="${name}"]`).waitFor({ timeout: 120_000 });
  await step("the sale's published draw holds in the browser", async () => {
    await page.goto(`${base}/draw/${sale}`);
    await page.getByTestId("check-button").click();
    await state("holds");
    return inspect(page, out, "41-draw-holds");
  });
  const dir = await mkdtemp(join(tmpdir(), "usher-draw-"));
  try {
    await promisify(execFile)(usher, ["draw", "example", dir, "--entries", String(ENTRIES)]);
    const bring = async (file, bytes) => {
      const kept = file && (await readFile(join(dir, file)));
      if (file) await writeFile(join(dir, file), bytes(Buffer.from(kept)));
      try {
        await page.goto(`${base}/draw/${sale}`);
        await page.getByTestId("files").setInputFiles(FILES.map((name) => join(dir, name)));
        await state(file ? "broken" : "holds");
      } finally {
        if (file) await writeFile(join(dir, file), kept);
      }
      return page.getByTestId("verdict").innerText();
    };
    await step("a draw of 100,000 holds in the browser", async () => void (await bring()));
    await step("one changed byte in any file of it is named, in a list with its entry", async () => {
      const numbers = (await readFile(join(dir, "numbers.txt"), "latin1")).split("\n");
      for (const file of FILES) {
        const list = file.endsWith(".txt");
        const told = await bring(file, (bytes) => {
          let at = list ? 0 : bytes.length >> 1;
          for (let line = 0; list && line < LINE; line++) at = bytes.indexOf(10, at) + 1;
          bytes[at + 2] ^= 1;
          return bytes;
        });
        const entry = file === "roster.txt" ? LINE + 1 : Number(numbers[LINE].split(" ")[1]);
        const named = list ? `${file}, entry ${entry}` : file;
        check(told.replaceAll(",", "").includes(named.replaceAll(",", "")), `a byte of ${file}: ${told}`);
      }
      return inspect(page, out, "41-draw-broken");
    });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
