import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const css = readFileSync("src/styles/base.css", "utf8");
const tokens = (block: string): Record<string, string> => Object.fromEntries([...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/g)].map((m) => [m[1]!, m[2]!]));
const split = css.indexOf("@media (prefers-color-scheme: dark)");
const light = tokens(css.slice(0, split));
const dark = { ...light, ...tokens(css.slice(split, css.indexOf("*, ::before"))) };

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function ratio(a: string, b: string): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

const TEXT: [string, string][] = [
  ["ink", "bg"], ["ink", "card"], ["ink", "line"], ["ink", "tint"], ["ink", "warn-tint"], ["ink", "bad-tint"], ["soft", "bg"], ["soft", "card"], ["soft", "tint"], ["soft", "bad-tint"], ["soft", "warn-tint"],
  ["accent", "bg"], ["accent", "card"], ["accent", "tint"], ["accent", "bad-tint"], ["accent", "warn-tint"], ["on-accent", "accent"], ["bad", "card"], ["bad", "bg"], ["bad", "tint"], ["bad", "bad-tint"],
];
const SHAPES: [string, string][] = [["edge", "bg"], ["edge", "card"], ["accent", "line"]];

for (const [name, scheme] of [["light", light], ["dark", dark]] as const) {
  test(`contrast in the ${name} scheme is AA`, () => {
    for (const [a, b] of TEXT) assert.ok(ratio(scheme[a]!, scheme[b]!) >= 4.5, `${a} on ${b}: ${ratio(scheme[a]!, scheme[b]!).toFixed(2)}`);
    for (const [a, b] of SHAPES) assert.ok(ratio(scheme[a]!, scheme[b]!) >= 3, `${a} beside ${b}: ${ratio(scheme[a]!, scheme[b]!).toFixed(2)}`);
  });
}
