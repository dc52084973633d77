// Paints the hall. What state a seat is in shows in its shape, its tier in its colour.

import { ACCESSIBLE, COMPANION, RESTRICTED, type Hall, type PlacedShape } from "../../logic/hall";
import type { Size, Viewport } from "../../logic/viewport";

/** For tiers to which the promoter gave no colour; apart for most eyes, and on both schemes. */
const PALETTE = ["#3d7fc4", "#e0a020", "#2f9e78", "#c46aa0", "#62b6e0", "#d9653b", "#a9a23a", "#8a72c9"];

export const tierColour = (hall: Hall, tier: number): string => hall.tiers[tier]?.color ?? PALETTE[tier % PALETTE.length]!;

export interface Scheme { card: string; ink: string; soft: string; line: string; edge: string; accent: string; onAccent: string }

/** The page's own colours, as its scheme has them now. */
export function schemeOf(el: Element): Scheme {
  const css = getComputedStyle(el);
  const get = (name: string): string => css.getPropertyValue("--" + name).trim();
  return { card: get("card"), ink: get("ink"), soft: get("soft"), line: get("line"), edge: get("edge"), accent: get("accent"), onAccent: get("on-accent") };
}

export interface Scene {
  hall: Hall;
  view: Viewport;
  size: Size;
  /** Pixels of the device for one of the page's. */
  ratio: number;
  scheme: Scheme;
  taken: (seat: number) => boolean;
  /** Kept for parties that need a wheelchair place, which this one does not. */
  kept: (seat: number) => boolean;
  /** Tiers that the fan does not want to see now. */
  dimmed: ReadonlySet<number>;
  own: readonly number[];
  asking: readonly number[];
  leaving: readonly number[];
  offered: readonly number[];
  pointed: number | null;
}

type Look = "free" | "taken" | "kept" | "dim";

/** How far from a seat's centre its shape reaches, in the page's pixels. */
export const radius = (hall: Hall, view: Viewport): number => hall.spacing * view.scale * 0.42;

/** Shapes drawn once for each size, and copied from then on. */
const sprites = new Map<string, HTMLCanvasElement>();
let spritesFor = "";

function sprite(s: Scene, look: Look, tier: number, flags: number, r: number): HTMLCanvasElement {
  const key = look === "taken" ? look : look + tier + "." + flags;
  let made = sprites.get(key);
  if (!made) {
    made = document.createElement("canvas");
    made.width = made.height = Math.ceil(2 * r + 4);
    const c = made.getContext("2d")!;
    c.translate(made.width / 2, made.height / 2);
    symbol(c, s, look, tier, flags, r);
    sprites.set(key, made);
  }
  return made;
}

function disc(c: CanvasRenderingContext2D, r: number): void {
  c.beginPath();
  c.arc(0, 0, r, 0, 2 * Math.PI);
}

/** Whether dark or light is read better on a colour. */
function on(c: CanvasRenderingContext2D, colour: string): string {
  c.fillStyle = "#888";
  c.fillStyle = colour;
  const hex = /^#(..)(..)(..)$/.exec(String(c.fillStyle));
  const [r, g, b] = hex ? hex.slice(1).map((x) => parseInt(x, 16)) : [128, 128, 128];
  return 0.299 * r! + 0.587 * g! + 0.114 * b! > 140 ? "#101615" : "#ffffff";
}

function symbol(c: CanvasRenderingContext2D, s: Scene, look: Look, tier: number, flags: number, r: number): void {
  const colour = tierColour(s.hall, tier);
  c.lineCap = "round";
  if (look === "taken") {
    // A small cross: nobody can have it.
    const d = r * 0.42;
    c.strokeStyle = s.scheme.edge;
    c.lineWidth = Math.max(1, r * 0.16);
    c.beginPath();
    c.moveTo(-d, -d), c.lineTo(d, d), c.moveTo(d, -d), c.lineTo(-d, d);
    c.stroke();
    return;
  }
  if (look === "dim") {
    c.fillStyle = s.scheme.line;
    disc(c, r * 0.45);
    c.fill();
    return;
  }
  disc(c, r * (look === "kept" ? 0.86 : 1));
  if (look === "free") {
    c.fillStyle = colour;
    c.fill();
    c.strokeStyle = s.scheme.ink;
    c.globalAlpha = 0.55;
    c.lineWidth = Math.max(0.75, r * 0.1);
    c.stroke();
    c.globalAlpha = 1;
  } else {
    c.strokeStyle = colour;
    c.lineWidth = Math.max(1, r * 0.2);
    c.stroke();
  }
  if (flags & RESTRICTED) {
    c.strokeStyle = look === "free" ? on(c, colour) : colour;
    c.lineWidth = Math.max(1, r * 0.18);
    c.beginPath();
    c.moveTo(-r * 0.62, r * 0.62), c.lineTo(r * 0.62, -r * 0.62);
    c.stroke();
  }
  const letter = flags & ACCESSIBLE ? "W" : flags & COMPANION ? "C" : "";
  if (letter && r > 4) {
    c.font = `700 ${r * 1.15}px system-ui, sans-serif`;
    c.textAlign = "center";
    c.textBaseline = "middle";
    const text = look === "free" ? on(c, colour) : s.scheme.ink;
    c.fillStyle = text;
    c.fillText(letter, 0, r * 0.06);
  }
}

export function paint(c: CanvasRenderingContext2D, s: Scene): void {
  const { hall, view, size, ratio } = s;
  c.setTransform(1, 0, 0, 1, 0, 0);
  c.fillStyle = s.scheme.card;
  c.fillRect(0, 0, size.width * ratio, size.height * ratio);
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  const r = radius(hall, view);
  for (const shape of hall.shapes) background(c, s, shape);
  if (hall.stage) stage(c, s);
  if (r * ratio < 2.2) dots(c, s, r);
  else seats(c, s, r);
  words(c, s, r);
  marks(c, s, r);
}

const inside = (s: Scene, box: { left: number; top: number; right: number; bottom: number }, by: number): boolean =>
  box.right + by >= s.view.left && box.left - by <= s.view.left + s.size.width / s.view.scale && box.bottom + by >= s.view.top && box.top - by <= s.view.top + s.size.height / s.view.scale;

function look(s: Scene, seat: number, flags: number): Look {
  if (s.taken(seat)) return "taken";
  if (s.dimmed.has(s.hall.tierOf[seat]!)) return "dim";
  return flags & (ACCESSIBLE | COMPANION) && s.kept(seat) ? "kept" : "free";
}

/** From far away, a seat is a small square: full where it is free. */
function dots(c: CanvasRenderingContext2D, s: Scene, r: number): void {
  const { hall, view } = s;
  const side = Math.max(2 * r, 1 / s.ratio);
  const colours = hall.tiers.map((_, t) => tierColour(hall, t));
  let style = "";
  for (const row of hall.rows) {
    if (!inside(s, row.box, hall.spacing)) continue;
    for (let i = row.first; i < row.end; i++) {
      const now = look(s, i, hall.flags[i]!);
      const small = now === "taken" || now === "dim" || now === "kept";
      const next = small ? s.scheme.line : colours[hall.tierOf[i]!]!;
      if (next !== style) c.fillStyle = style = next;
      const w = small ? side * 0.6 : side;
      c.fillRect((hall.x[i]! - view.left) * view.scale - w / 2, (hall.y[i]! - view.top) * view.scale - w / 2, w, w);
    }
  }
}

function seats(c: CanvasRenderingContext2D, s: Scene, r: number): void {
  const { hall, view, ratio } = s;
  // Steps of half a pixel: while zooming goes on, few sizes are drawn.
  const drawn = Math.min(Math.round(r * ratio * 2) / 2, 64);
  const key = [drawn, ...Object.values(s.scheme), hall.tiers.map((t) => t.color)].join();
  if (key !== spritesFor) {
    spritesFor = key;
    sprites.clear();
  }
  const named = r >= 9;
  c.font = `600 ${Math.min(r * 0.95, 16)}px system-ui, sans-serif`;
  c.textAlign = "center";
  c.textBaseline = "middle";
  const text = named ? hall.tiers.map((_, t) => on(c, tierColour(hall, t))) : [];
  for (const row of hall.rows) {
    if (!inside(s, row.box, hall.spacing)) continue;
    for (let i = row.first; i < row.end; i++) {
      const x = (hall.x[i]! - view.left) * view.scale, y = (hall.y[i]! - view.top) * view.scale;
      if (x < -r || y < -r || x > s.size.width + r || y > s.size.height + r) continue;
      const flags = hall.flags[i]! & (ACCESSIBLE | COMPANION | RESTRICTED);
      const now = look(s, i, flags);
      const image = sprite(s, now, hall.tierOf[i]!, flags, drawn);
      const side = (image.width * r) / drawn;
      c.drawImage(image, x - side / 2, y - side / 2, side, side);
      if (named && now === "free" && !(flags & (ACCESSIBLE | COMPANION))) {
        c.fillStyle = text[hall.tierOf[i]!]!;
        c.fillText(hall.labels[i]!.slice(0, 4), x, y + 0.5);
      }
    }
  }
}

/** A word that is read on anything. */
function word(c: CanvasRenderingContext2D, s: Scene, what: string, x: number, y: number): void {
  c.lineJoin = "round";
  c.lineWidth = 4;
  c.strokeStyle = s.scheme.card;
  c.strokeText(what, x, y);
  c.fillStyle = s.scheme.ink;
  c.fillText(what, x, y);
}

function words(c: CanvasRenderingContext2D, s: Scene, r: number): void {
  const { hall, view } = s;
  c.textBaseline = "middle";
  if (r >= 6) {
    c.font = "600 12px system-ui, sans-serif";
    c.textAlign = "right";
    for (const row of hall.rows) {
      if (row.end === row.first || !inside(s, row.box, hall.spacing)) continue;
      word(c, s, row.label.slice(0, 6), (hall.x[row.first]! - view.left) * view.scale - r - 4, (hall.y[row.first]! - view.top) * view.scale);
    }
  }
  c.font = `700 ${r < 2 ? 12 : 14}px system-ui, sans-serif`;
  c.textAlign = "center";
  for (const section of hall.sections) {
    if (section.end === section.first || !inside(s, section.box, hall.spacing * 2)) continue;
    const { left, right, top, bottom } = section.box;
    const wide = (right - left) * view.scale + 2 * r;
    // One section among many from far away: its name would lie on the others.
    if (c.measureText(section.name).width > wide * 1.15 + 12) continue;
    const y = r < 3 ? (top + bottom) / 2 : top - hall.spacing * 1.1;
    word(c, s, section.name, ((left + right) / 2 - view.left) * view.scale, Math.max((y - view.top) * view.scale, Math.min(12, (bottom - view.top) * view.scale)));
  }
}

function stage(c: CanvasRenderingContext2D, s: Scene): void {
  const [x, y] = [(s.hall.stage!.x - s.view.left) * s.view.scale, (s.hall.stage!.y - s.view.top) * s.view.scale];
  c.font = "700 13px system-ui, sans-serif";
  c.textAlign = "center";
  c.textBaseline = "middle";
  c.fillStyle = s.scheme.line;
  c.beginPath();
  c.ellipse(x, y, 40, 13, 0, 0, 2 * Math.PI);
  c.fill();
  c.fillStyle = s.scheme.ink;
  c.fillText("Stage", x, y + 0.5);
}

/** What the promoter drew around the seats. */
function background(c: CanvasRenderingContext2D, s: Scene, shape: PlacedShape): void {
  const { view } = s;
  c.save();
  c.translate((shape.at.x - view.left) * view.scale, (shape.at.y - view.top) * view.scale);
  c.scale(view.scale, view.scale);
  c.rotate(((shape.rotation ?? 0) * Math.PI) / 180);
  c.globalAlpha = 0.5;
  c.beginPath();
  if (shape.polygon) shape.polygon.points.forEach((p, i) => (i ? c.lineTo(p.x, p.y) : c.moveTo(p.x, p.y))), c.closePath();
  else if (shape.rectangle) c.rect(0, 0, shape.rectangle.width, shape.rectangle.height);
  else if (shape.ellipse) c.ellipse(0, 0, shape.ellipse.radius.x, shape.ellipse.radius.y, 0, 0, 2 * Math.PI);
  else if (shape.circle) c.arc(0, 0, shape.circle.radius, 0, 2 * Math.PI);
  c.fillStyle = s.scheme.line;
  if (shape.color) c.fillStyle = shape.color;
  c.fill();
  c.strokeStyle = s.scheme.edge;
  if (shape.border_color) c.strokeStyle = shape.border_color;
  c.lineWidth = 1 / view.scale;
  c.stroke();
  c.restore();
  const t = shape.text;
  if (!t?.text) return;
  c.font = `600 ${Math.min(Math.max((t.size ?? 16) * view.scale, 9), 22)}px system-ui, sans-serif`;
  c.textAlign = "center";
  c.textBaseline = "middle";
  word(c, s, t.text, (shape.at.x + t.position.x - view.left) * view.scale, (shape.at.y + t.position.y - view.top) * view.scale);
}

/** On top, and never too small to be seen: the fan's own, what is being asked for, what is offered instead, what is pointed at. */
function marks(c: CanvasRenderingContext2D, s: Scene, r: number): void {
  const { hall, view, scheme } = s;
  const at = (seat: number, draw: (size: number) => void, least: number): void => {
    if (seat >= hall.seats) return;
    c.save();
    c.translate((hall.x[seat]! - view.left) * view.scale, (hall.y[seat]! - view.top) * view.scale);
    draw(Math.max(r, least));
    c.restore();
  };
  const square = (q: number): void => {
    c.beginPath();
    c.rect(-q, -q, 2 * q, 2 * q);
  };
  for (const seat of s.offered) at(seat, (q) => {
    disc(c, q * 1.1);
    c.fillStyle = tierColour(hall, hall.tierOf[seat]!);
    c.fill();
    for (const [wide, colour] of [[4, scheme.card], [2, scheme.ink]] as const) {
      disc(c, q * 1.5 + 1);
      c.lineWidth = wide;
      c.strokeStyle = colour;
      c.stroke();
    }
  }, 5);
  for (const seat of s.asking) at(seat, (q) => {
    square(q);
    c.fillStyle = scheme.card;
    c.fill();
    c.setLineDash([3, 2]);
    c.lineWidth = 2;
    c.strokeStyle = scheme.accent;
    c.stroke();
  }, 5);
  for (const seat of [...s.own, ...s.leaving]) at(seat, (q) => {
    const gone = s.leaving.includes(seat);
    square(q * 1.1);
    c.fillStyle = gone ? scheme.card : scheme.accent;
    c.fill();
    c.strokeStyle = gone ? scheme.accent : scheme.card;
    c.lineWidth = 1.5;
    c.stroke();
    if (gone) return;
    c.strokeStyle = scheme.onAccent;
    c.lineWidth = Math.max(1.5, q * 0.22);
    c.lineCap = c.lineJoin = "round";
    c.beginPath();
    c.moveTo(-q * 0.5, q * 0.05), c.lineTo(-q * 0.12, q * 0.45), c.lineTo(q * 0.55, -q * 0.42);
    c.stroke();
  }, 5.5);
  if (s.pointed !== null) at(s.pointed, (q) => {
    disc(c, q + 2.5);
    c.lineWidth = 2;
    c.strokeStyle = scheme.ink;
    c.stroke();
  }, 4);
}

/** One sign for the key below the map. */
export function sign(scene: Pick<Scene, "hall" | "scheme">, what: "free" | "taken" | "own" | "asking" | "accessible" | "companion" | "restricted"): HTMLCanvasElement {
  const ratio = Math.min(devicePixelRatio || 1, 2);
  const el = document.createElement("canvas");
  const side = 24;
  el.width = el.height = side * ratio;
  el.style.width = el.style.height = side + "px";
  el.setAttribute("aria-hidden", "true");
  const c = el.getContext("2d")!;
  const s = { ...scene, view: { scale: 1, left: 0, top: 0 }, size: { width: side, height: side }, ratio, own: [], asking: [], leaving: [], offered: [], pointed: null } as unknown as Scene;
  c.setTransform(ratio, 0, 0, ratio, (side * ratio) / 2, (side * ratio) / 2);
  if (what === "own" || what === "asking") {
    marks(c, { ...s, hall: { ...scene.hall, seats: 1, x: new Float32Array(1), y: new Float32Array(1) }, own: what === "own" ? [0] : [], asking: what === "asking" ? [0] : [] }, 7);
  } else symbol(c, s, what === "taken" ? "taken" : "free", 0, { accessible: ACCESSIBLE, companion: COMPANION, restricted: RESTRICTED, free: 0, taken: 0 }[what], 9);
  return el;
}
