// A seat map as flat lists with one entry per place, as drawing it and searching in it need it. A place's index is its ordinal: reserved
// seats in the map's order, then the units of the standing areas.

import type { MapSection, MapShape, MapTier, Point, SeatMap } from "../wire";
import { count } from "./words";

/** What is said of a seat, as bits. */
export const ACCESSIBLE = 1;
export const COMPANION = 2;
export const RESTRICTED = 4;
/** An aisle or the row's end is after it: the next seat is no neighbour. */
export const END = 8;

export interface Box { left: number; top: number; right: number; bottom: number }
export interface HallRow { label: string; table: boolean; section: number; first: number; end: number; box: Box }
export interface HallSection { name: string; firstRow: number; endRow: number; first: number; end: number; box: Box }
/** A standing area; its units are interchangeable. */
export interface HallArea { name: string; tier: number; first: number; end: number }
export interface PlacedShape extends MapShape { at: Point }

export interface Hall {
  name: string;
  /** Seats and standing places. */
  capacity: number;
  /** Reserved seats alone. */
  seats: number;
  tiers: MapTier[];
  sections: HallSection[];
  rows: HallRow[];
  areas: HallArea[];
  shapes: PlacedShape[];
  stage?: Point;
  /** By ordinal, as long as there are seats; `tierOf` for all places. */
  x: Float32Array;
  y: Float32Array;
  rowOf: Uint32Array;
  flags: Uint8Array;
  tierOf: Uint8Array;
  labels: string[];
  restricted: Map<number, string>;
  /** How good each seat is by the promoter's order or its way to the stage: lower is better. */
  quality: Float32Array;
  /** Around all that is drawn. */
  box: Box;
  /** Between the centres of neighbours, typically. */
  spacing: number;
}

const nothing = (): Box => ({ left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity });
function widen(b: Box, x: number, y: number): void {
  b.left = Math.min(b.left, x);
  b.top = Math.min(b.top, y);
  b.right = Math.max(b.right, x);
  b.bottom = Math.max(b.bottom, y);
}

/** Throws where the map cannot be one. */
export function hallOf(map: SeatMap): Hall {
  const sections = map.sections ?? [];
  const standing = map.standing ?? [];
  const seats = sections.reduce((a, s) => a + s.rows.reduce((b, r) => b + r.seats.length, 0), 0);
  const capacity = seats + standing.reduce((a, s) => a + s.capacity, 0);
  if (!map.tiers.length || !(capacity > 0)) throw new Error("a map without places");
  const tierAt = new Map(map.tiers.map((t, i) => [t.id, i]));
  const hall: Hall = {
    name: map.name, capacity, seats, tiers: map.tiers, sections: [], rows: [], areas: [], shapes: [], stage: map.stage,
    x: new Float32Array(seats), y: new Float32Array(seats), rowOf: new Uint32Array(seats), flags: new Uint8Array(seats),
    tierOf: new Uint8Array(capacity), labels: [], restricted: new Map(), quality: new Float32Array(seats), box: nothing(), spacing: 1,
  };
  let at = 0;
  for (const s of sections) {
    const section: HallSection = { name: s.name, firstRow: hall.rows.length, endRow: 0, first: at, end: 0, box: nothing() };
    for (const r of s.rows) {
      const row: HallRow = { label: r.label, table: r.table === true, section: hall.sections.length, first: at, end: 0, box: nothing() };
      for (const seat of r.seats) {
        hall.x[at] = (s.x ?? 0) + (r.x ?? 0) + (seat.x ?? 0);
        hall.y[at] = (s.y ?? 0) + (r.y ?? 0) + (seat.y ?? 0);
        hall.rowOf[at] = hall.rows.length;
        hall.flags[at] = (seat.accessible ? ACCESSIBLE : 0) | (seat.companion ? COMPANION : 0) | (seat.restricted_view ? RESTRICTED : 0) | (seat.aisle_after ? END : 0);
        hall.tierOf[at] = tierAt.get(seat.tier) ?? 0;
        if (seat.restricted_view) hall.restricted.set(at, seat.restricted_view);
        hall.labels.push(seat.label);
        at++;
      }
      row.end = at;
      if (at > row.first) hall.flags[at - 1]! |= END;
      hall.rows.push(row);
    }
    section.end = at;
    section.endRow = hall.rows.length;
    hall.sections.push(section);
    for (const shape of s.drawing?.areas ?? []) hall.shapes.push({ ...shape, at: { x: (s.x ?? 0) + (shape.position?.x ?? 0), y: (s.y ?? 0) + (shape.position?.y ?? 0) } });
  }
  for (const a of standing) {
    hall.areas.push({ name: a.name, tier: tierAt.get(a.tier) ?? 0, first: at, end: at + a.capacity });
    hall.tierOf.fill(tierAt.get(a.tier) ?? 0, at, at + a.capacity);
    at += a.capacity;
  }
  if (!placed(hall)) layOut(hall, sections);
  for (let i = 0; i < seats; i++) {
    const row = hall.rows[hall.rowOf[i]!]!;
    for (const box of [row.box, hall.sections[row.section]!.box, hall.box]) widen(box, hall.x[i]!, hall.y[i]!);
    hall.quality[i] = map.stage ? wayTo(map.stage, hall.x[i]!, hall.y[i]!) : i;
  }
  hall.spacing = spacing(hall);
  if (seats > 0) {
    for (const s of hall.shapes) corners(s, (x, y) => widen(hall.box, x, y));
    if (hall.stage) widen(hall.box, hall.stage.x, hall.stage.y);
  }
  return hall;
}

/** A seat at 0, 0 was not placed; one alone may really stand there. */
function placed(hall: Hall): boolean {
  let at0 = 0;
  for (let i = 0; i < hall.seats && at0 < 2; i++) if (hall.x[i] === 0 && hall.y[i] === 0) at0++;
  return at0 < 2;
}

/** A map without a drawing becomes a plan of blocks, side by side. */
function layOut(hall: Hall, sections: readonly MapSection[]): void {
  const wide = sections.map((s) => Math.max(1, ...s.rows.map((r) => r.seats.length)));
  const perLine = Math.ceil(Math.sqrt(sections.length));
  let left = 0, top = 0, high = 0;
  hall.shapes = [];
  hall.stage = undefined;
  hall.sections.forEach((s, n) => {
    if (n > 0 && n % perLine === 0) {
      left = 0;
      top += high + 4;
      high = 0;
    }
    for (let r = s.firstRow; r < s.endRow; r++) {
      const row = hall.rows[r]!;
      for (let i = row.first; i < row.end; i++) {
        hall.x[i] = left + i - row.first + (wide[n]! - (row.end - row.first)) / 2;
        hall.y[i] = top + r - s.firstRow;
      }
    }
    high = Math.max(high, s.endRow - s.firstRow);
    left += wide[n]! + 3;
  });
}

/** The distance to the stage, longer the further it is from straight ahead. */
function wayTo(stage: NonNullable<SeatMap["stage"]>, x: number, y: number): number {
  const far = Math.hypot(x - stage.x, y - stage.y);
  if (!stage.faces || far === 0) return far;
  const angle = Math.abs(Math.atan2(y - stage.y, x - stage.x) - Math.atan2(stage.faces.y - stage.y, stage.faces.x - stage.x));
  const turn = Math.min(angle, 2 * Math.PI - angle) / (Math.PI / 4);
  return far * (turn <= 1 ? 1 + turn / 4 : turn <= 2 ? 1.25 + (turn - 1) * 0.75 : 2 + (turn - 2) * 1.5);
}

function median(all: number[]): number | undefined {
  return all.sort((a, b) => a - b)[all.length >> 1];
}

function spacing(hall: Hall): number {
  const beside: number[] = [], behind: number[] = [];
  const step = Math.max(1, Math.floor(hall.rows.length / 400));
  for (let r = 0; r < hall.rows.length; r += step) {
    const { first, end, section } = hall.rows[r]!;
    for (let i = first; i + 1 < end && i < first + 8; i++) if (!(hall.flags[i]! & END)) beside.push(distance(hall, i, i + 1));
    const next = hall.rows[r + 1];
    if (next?.section === section && next.end > next.first && end > first) {
      // The nearest of the next row: rows may begin anywhere.
      let least = Infinity;
      for (let i = next.first; i < next.end; i++) least = Math.min(least, distance(hall, first, i));
      behind.push(least);
    }
  }
  const side = median(beside.filter((d) => d > 0)), back = median(behind.filter((d) => d > 0));
  const usual = side ?? back ?? 1;
  return Math.max(Math.min(usual, back ?? usual), usual * 0.4);
}

export function distance(hall: Hall, a: number, b: number): number {
  return Math.hypot(hall.x[a]! - hall.x[b]!, hall.y[a]! - hall.y[b]!);
}

/** Points that a shape reaches; its turning is not followed. */
function corners(s: PlacedShape, reach: (x: number, y: number) => void): void {
  const [w, h] = s.ellipse ? [s.ellipse.radius.x, s.ellipse.radius.y] : [s.circle?.radius ?? 0, s.circle?.radius ?? 0];
  reach(s.at.x - w, s.at.y - h);
  reach(s.at.x + (s.rectangle?.width ?? w), s.at.y + (s.rectangle?.height ?? h));
  for (const p of s.polygon?.points ?? []) reach(s.at.x + p.x, s.at.y + p.y);
}

export function areaOf(hall: Hall, place: number): HallArea | undefined {
  return place < hall.seats ? undefined : hall.areas.find((a) => place < a.end);
}

export function sectionOf(hall: Hall, seat: number): HallSection {
  return hall.sections[hall.rows[hall.rowOf[seat]!]!.section]!;
}

const where = (hall: Hall, seat: number): string => {
  const row = hall.rows[hall.rowOf[seat]!]!;
  return `${hall.sections[row.section]!.name}, ${row.table ? "table" : "row"} ${row.label}`;
};

/** `Stalls, row 5, seat 7`, as the ticket says it; without what is in the way of the view. */
export function nameOf(hall: Hall, place: number): string {
  const area = areaOf(hall, place);
  return area ? `${area.name}, standing` : `${where(hall, place)}, seat ${hall.labels[place]}`;
}

/** Several places in one phrase: `Stalls, row 5, seats 7 and 8; 2 × Floor, standing`. */
export function namesOf(hall: Hall, places: readonly number[]): string {
  const groups = new Map<string, number[]>();
  for (const p of [...places].sort((a, b) => a - b)) {
    const key = areaOf(hall, p)?.name ?? where(hall, p);
    groups.set(key, [...(groups.get(key) ?? []), p]);
  }
  return [...groups].map(([key, all]) => {
    if (all[0]! >= hall.seats) return (all.length > 1 ? `${count(all.length)} × ` : "") + key + ", standing";
    const labels = all.map((p) => hall.labels[p]!);
    return labels.length === 1 ? `${key}, seat ${labels[0]}` : `${key}, seats ${labels.slice(0, -1).join(", ")} and ${labels[labels.length - 1]}`;
  }).join("; ");
}

/** What one place costs, the fee included, in minor units. */
export function priceOf(hall: Hall, place: number): number {
  const t = hall.tiers[hall.tierOf[place]!]!;
  return t.price_minor + (t.fee_minor ?? 0);
}
