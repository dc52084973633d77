// Numbers that add up to the same, over time, as bands of an SVG one above the other, the first at the bottom.

export function bands<K extends string>(points: readonly Record<K, number>[], kinds: readonly K[], width: number, height: number): string[] {
  const total = Math.max(1, ...points.map((p) => kinds.reduce((sum, k) => sum + p[k], 0)));
  // A single moment is a band of the whole width.
  const at = points.length === 1 ? [points[0]!, points[0]!] : points;
  const x = (i: number): string => ((i / (at.length - 1)) * width).toFixed(1);
  const y = (n: number): string => (height - (n / total) * height).toFixed(1);
  const upTo = (p: Record<K, number>, nth: number): number => kinds.slice(0, nth).reduce((sum, k) => sum + p[k], 0);
  return kinds.map((_, nth) => {
    const top = at.map((p, i) => `${x(i)} ${y(upTo(p, nth + 1))}`);
    const bottom = at.map((p, i) => `${x(i)} ${y(upTo(p, nth))}`).reverse();
    return `M${[...top, ...bottom].join("L")}Z`;
  });
}
