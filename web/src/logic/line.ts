// A series as an SVG path: the newest value at the right edge, room for `slots` values.

export function path(values: readonly number[], slots: number, top: number, width: number, height: number): string {
  const step = width / (slots - 1);
  const start = width - (values.length - 1) * step;
  return values.map((v, i) => `${i ? "L" : "M"}${(start + i * step).toFixed(1)} ${(height - 2 - (Math.min(v, top) / top) * (height - 4)).toFixed(1)}`).join("");
}
