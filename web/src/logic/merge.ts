// An edit met a newer version: which fields differ, from what was read to what stands there now and what was typed.

export interface Difference { field: string; read: unknown; theirs: unknown; mine: unknown }

export function differences<T extends object>(read: T, theirs: T, mine: T): Difference[] {
  return (Object.keys(mine) as (keyof T & string)[])
    .filter((f) => theirs[f] !== mine[f])
    .map((f) => ({ field: f, read: read[f], theirs: theirs[f], mine: mine[f] }));
}

/** What was typed where something was typed, else what stands there now. */
export function merged<T extends object>(read: T, theirs: T, mine: T): T {
  const out = { ...theirs };
  for (const f of Object.keys(mine) as (keyof T)[]) if (mine[f] !== read[f]) out[f] = mine[f];
  return out;
}
