// Which part of a drawing a window shows: panning and zooming. On the screen a point is at (its own − the corner) × scale.

import type { Box } from "./hall";

export interface Viewport { scale: number; left: number; top: number }
export interface Size { width: number; height: number }

/** All of it, with a margin in pixels, in the middle; not larger than `most`. */
export function whole(box: Box, window: Size, margin: number, most = Infinity): Viewport {
  const [w, h] = [Math.max(box.right - box.left, 1e-6), Math.max(box.bottom - box.top, 1e-6)];
  const scale = Math.min(Math.max(window.width - 2 * margin, 1) / w, Math.max(window.height - 2 * margin, 1) / h, most);
  return { scale, left: (box.left + box.right - window.width / scale) / 2, top: (box.top + box.bottom - window.height / scale) / 2 };
}

/** Larger or smaller, around a point of the screen that stays where it is. */
export function zoomed(v: Viewport, factor: number, x: number, y: number, least: number, most: number): Viewport {
  const scale = Math.min(Math.max(v.scale * factor, least), most);
  return { scale, left: v.left + x / v.scale - x / scale, top: v.top + y / v.scale - y / scale };
}

/** Moved by pixels, but never off the drawing: what is smaller than the window stays in its middle. */
export function moved(v: Viewport, dx: number, dy: number, box: Box, window: Size, margin: number): Viewport {
  const keep = (at: number, low: number, high: number, size: number): number => {
    const [a, b] = [low - margin / v.scale, high + margin / v.scale - size / v.scale];
    return a > b ? (a + b) / 2 : Math.min(Math.max(at, a), b);
  };
  return { scale: v.scale, left: keep(v.left - dx / v.scale, box.left, box.right, window.width), top: keep(v.top - dy / v.scale, box.top, box.bottom, window.height) };
}

/** Moved, and made smaller if need be, so that a part is seen whole. */
export function showing(v: Viewport, part: Box, window: Size, margin: number): Viewport {
  const [w, h] = [part.right - part.left, part.bottom - part.top];
  const scale = Math.min(v.scale, (window.width - 2 * margin) / Math.max(w, 1e-6), (window.height - 2 * margin) / Math.max(h, 1e-6));
  const m = margin / scale;
  const into = (at: number, low: number, high: number, size: number): number => Math.min(Math.max(at, high + m - size / scale), low - m);
  return { scale, left: into(v.left, part.left, part.right, window.width), top: into(v.top, part.top, part.bottom, window.height) };
}
