// Steps with names: which passed, which failed, and a picture of where it failed.

import { join } from "node:path";

export class Report {
  constructor(out) {
    Object.assign(this, { out, passed: 0, failed: [] });
  }

  /** Runs one step. Faults it returns count as failures, but what follows still runs. */
  async step(name, page, work) {
    const start = Date.now();
    try {
      // A tab behind another is hidden, and slow.
      await page.bringToFront();
      const faults = (await work()) ?? [];
      if (faults.length) {
        this.failed.push(name);
        console.log(`FAIL ${name}\n` + faults.map((f) => "       " + f).join("\n"));
      } else {
        this.passed++;
        console.log(`ok   ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
      }
    } catch (e) {
      this.failed.push(name);
      const state = await page.locator("main").getAttribute("data-state", { timeout: 1000 }).catch(() => null);
      console.log(`FAIL ${name}: ${String(e.message ?? e).split("\n").slice(0, 6).join("\n       ")}\n       at ${page.url().split("#")[0]}, screen ${state ?? "?"}`);
      await page.screenshot({ path: join(this.out, `FAILED-${name.replace(/\W+/g, "-")}.png`), timeout: 5000 }).catch(() => {});
      throw new Stop();
    }
  }

  /** Runs steps that build on each other; after one broke the rest is not tried. */
  async chain(name, work) {
    try {
      await work();
    } catch (e) {
      if (!(e instanceof Stop)) {
        this.failed.push(name);
        console.log(`FAIL ${name}: ${e.stack ?? e}`);
      }
      console.log(`     the rest of "${name}" was not tried`);
      return false;
    }
    return true;
  }

  end() {
    for (const f of this.failed) console.log(`failed: ${f}`);
    console.log(`${this.passed} passed, ${this.failed.length} failed`);
    return this.failed.length ? 1 : 0;
  }
}

class Stop extends Error {}

export function check(condition, words) {
  if (!condition) throw new Error(words);
}
