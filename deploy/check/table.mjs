// The table of docs/API.md: every route and its role.

import { readFileSync } from "node:fs";

const ROOT = new URL("../../", import.meta.url);
export const read = (path) => readFileSync(new URL(path, ROOT), "utf8");

/** `{ method, path, role }` of every route, in the table's order. */
export function routes() {
  const found = [];
  let role = null;
  for (const line of read("docs/API.md").split("\n")) {
    const section = /^\| \*\*([a-z-]+)\*\* \|/.exec(line);
    const route = /^\| `([A-Z]+) (\/[^`?]*)[^`]*` \|/.exec(line);
    if (section) role = section[1];
    else if (route) found.push({ method: route[1], path: route[2], role });
    else if (role && found.length && !line.startsWith("|")) break;
  }
  return found;
}

/** The roles, in the table's order. */
export const roles = () => [...new Set(routes().map((route) => route.role))];
