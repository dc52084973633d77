// Seat maps made and checked in the browser. The checks say what the server would say (contracts/src/seat_map.rs).

import type { MapSeat, MapTier, SeatMap } from "../wire";

export const FORMAT = "usher-seat-map/1";
export const UNITS_MAX = 200_000;

export interface Arena {
  name: string;
  sections: number;
  rows: number;
  seats: number;
  /** An aisle in the middle of each row. */
  aisle: boolean;
  /** Wheelchair places at the start of each section's last row, each with a companion's seat beside it. */
  accessible: number;
  standing: number;
  tiers: MapTier[];
}

/** Sections share the tiers evenly, the first sections the first tier; standing room is of the last tier. */
export function arena(a: Arena): SeatMap {
  const tierOf = (section: number): string => a.tiers[Math.floor((section * a.tiers.length) / a.sections)]!.id;
  const sections = Array.from({ length: a.sections }, (_, s) => ({
    name: sectionName(s),
    rows: Array.from({ length: a.rows }, (_, r) => ({
      label: String(r + 1),
      seats: Array.from({ length: a.seats }, (_, n) => {
        const seat: MapSeat = { label: String(n + 1), tier: tierOf(s), x: s * (a.seats + 3) + n, y: r };
        if (a.aisle && a.seats > 3 && n + 1 === Math.floor(a.seats / 2)) seat.aisle_after = true;
        if (r + 1 === a.rows && n < 2 * a.accessible) seat[n % 2 ? "companion" : "accessible"] = true;
        return seat;
      }),
    })),
  }));
  const standing = a.standing > 0 ? [{ name: "Standing", tier: a.tiers[a.tiers.length - 1]!.id, capacity: a.standing }] : [];
  return { format: FORMAT, name: a.name, tiers: a.tiers, sections, standing };
}

/** A, B, … Z, AA, AB … */
export function sectionName(n: number): string {
  return (n >= 26 ? sectionName(Math.floor(n / 26) - 1) : "") + String.fromCharCode(65 + (n % 26));
}

export function units(map: SeatMap): number {
  const seats = (map.sections ?? []).reduce((a, s) => a + s.rows.reduce((b, r) => b + r.seats.length, 0), 0);
  return seats + (map.standing ?? []).reduce((a, s) => a + s.capacity, 0);
}

/** Reads a text; says at once what keeps it from being a map at all. */
export function read(text: string): { map?: SeatMap; faults: string[] } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (e) {
    return { faults: [`This is not JSON: ${(e as Error).message}`] };
  }
  const m = json as SeatMap;
  const list = (v: unknown): boolean => v === undefined || Array.isArray(v);
  if (!m || typeof m !== "object" || !Array.isArray(m.tiers) || !list(m.sections) || !list(m.standing)) {
    return { faults: ["This is not a seat map: it needs the lists tiers, sections and standing."] };
  }
  if ((m.sections ?? []).some((s) => !Array.isArray(s?.rows) || s.rows.some((r) => !Array.isArray(r?.seats)))) {
    return { faults: ["Every section needs a list of rows, every row a list of seats."] };
  }
  const found = faults(m);
  return { map: m, faults: found };
}

export interface Chosen { name: string; text: string }
/** What to send to the server: the query, the content type and the body; and the map, where the page can read it itself. */
export interface Upload { query: string; type: string; body: string; map?: SeatMap; faults: string[] }

/** What the chosen files are: a map, a seating plan of pretix with or without its side file, or a sheet. */
export function upload(files: Chosen[]): Upload {
  const none = { query: "", type: "application/json", body: "" };
  const sheet = files.find((f) => /\.csv$/i.test(f.name));
  if (sheet) {
    if (files.length > 1) return { ...none, faults: ["A sheet comes alone."] };
    return { query: "?format=csv", type: "text/csv", body: sheet.text, faults: [] };
  }
  const json = files.map((f) => {
    try {
      return JSON.parse(f.text) as { zones?: unknown; format?: unknown } | null;
    } catch {
      return null;
    }
  });
  const plan = files[json.findIndex((j) => j?.zones !== undefined)];
  const side = files[json.findIndex((j) => j?.format === "usher-pretix-side/1")];
  if (plan && files.length === (side ? 2 : 1)) {
    return { query: "?format=pretix", type: "application/json", body: side ? `{"plan":${plan.text},"side":${side.text}}` : plan.text, faults: [] };
  }
  if (files.length !== 1) return { ...none, faults: ["Choose one file, or a seating plan of pretix together with its side file."] };
  if (side) return { ...none, faults: ["A side file comes with its seating plan: choose both."] };
  return { ...none, body: files[0]!.text, ...read(files[0]!.text) };
}

export function faults(map: SeatMap): string[] {
  const out: string[] = [];
  const fits = (s: unknown): boolean => typeof s === "string" && s.trim() !== "" && [...s].length <= 100;
  if (!fits(map.name)) out.push("name: must be 1 to 100 characters");
  if (map.format !== FORMAT) out.push(`format: expected "${FORMAT}", got ${JSON.stringify(map.format)}`);
  if (map.tiers.length < 1 || map.tiers.length > 32) out.push(`tiers: 1 to 32 are needed, got ${map.tiers.length}`);
  const tiers = new Set<string>();
  for (const t of map.tiers) {
    if (!fits(t.id) || tiers.has(t.id)) out.push(`tier "${t.id}": its id must be unique and 1 to 100 characters`);
    tiers.add(t.id);
    const fee = t.fee_minor ?? 0;
    if (!Number.isInteger(t.price_minor) || !Number.isInteger(fee) || t.price_minor < 0 || fee < 0 || t.price_minor + fee > 100_000_000) {
      out.push(`tier "${t.id}": price and fee must be 0 to 100,000,000 minor units`);
    }
  }
  const n = units(map);
  if (!(n >= 1 && n <= UNITS_MAX)) out.push(`map: 1 to ${UNITS_MAX} seats and standing places are needed, got ${n}`);
  const names = new Set<string>();
  for (const s of map.sections ?? []) {
    if (!fits(s.name) || names.has(s.name)) out.push(`section "${s.name}": its name must be unique and 1 to 100 characters`);
    names.add(s.name);
    const seats = new Set<string>();
    for (const r of s.rows) {
      if (!fits(r.label)) out.push(`section "${s.name}", row "${r.label}": the label must be 1 to 100 characters`);
      for (const x of r.seats) {
        const where = `section "${s.name}", row "${r.label}", seat "${x.label}"`;
        const key = JSON.stringify([r.label, x.label]);
        if (!fits(x.label) || seats.has(key)) out.push(`${where}: the label must be unique in the row and 1 to 100 characters`);
        seats.add(key);
        if (!tiers.has(x.tier)) out.push(`${where}: there is no tier "${x.tier}"`);
        if (out.length >= 100) return out.slice(0, 100);
      }
    }
  }
  for (const a of map.standing ?? []) {
    if (!fits(a.name) || names.has(a.name)) out.push(`standing area "${a.name}": its name must be unique and 1 to 100 characters`);
    names.add(a.name);
    if (!tiers.has(a.tier)) out.push(`standing area "${a.name}": there is no tier "${a.tier}"`);
    if (!(a.capacity >= 1)) out.push(`standing area "${a.name}": its capacity must be at least 1`);
  }
  return out.slice(0, 100);
}

/** Per tier: how many units it has. */
export function perTier(map: SeatMap): Map<string, number> {
  const out = new Map<string, number>(map.tiers.map((t) => [t.id, 0]));
  const add = (id: string, n: number): void => void out.set(id, (out.get(id) ?? 0) + n);
  for (const s of map.sections ?? []) for (const r of s.rows) for (const x of r.seats) add(x.tier, 1);
  for (const a of map.standing ?? []) add(a.tier, a.capacity);
  return out;
}
