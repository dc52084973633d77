// The heads of a sale's log that this browser was told, kept for the sale's report.

import { withHead } from "../logic/heads";
import type { ToldHead } from "../wire";
import { local } from "./who";

const name = (sale: string): string => "usher.heads." + sale;

export function toldHeads(sale: string): ToldHead[] {
  try {
    return (JSON.parse(local?.getItem(name(sale)) ?? "[]") ?? []) as ToldHead[];
  } catch {
    return [];
  }
}

export function keepHead(sale: string, told: ToldHead): void {
  try {
    local?.setItem(name(sale), JSON.stringify(withHead(toldHeads(sale), told)));
  } catch {
    // A full or forbidden storage: it is shown all the same, and cannot be compared later.
  }
}
