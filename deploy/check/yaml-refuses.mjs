// Whether what the YAML of deploy/ is read with refuses what some programs would read otherwise, or not at all.

import { check, done } from "./told.mjs";
import { parse } from "./yaml.mjs";

for (const bad of ["a: 1\n  b: 2\n", "a: [1, 2\n", "a: 'x\n", "a: 1\na: 2\n", "a: *b\n", "- 1\nb: 2\n", "a:\n\tb: 1\n", "a: b: c\n", "a: yes\n", "a: 022\n", "a: 1:30\n", "a: !what b\n", "a: 1\n---\na: 2\n"]) {
  await check(`YAML that is refused: ${JSON.stringify(bad)}`, () => {
    let value;
    try {
      value = parse(bad);
    } catch {
      return [];
    }
    return `it was read as ${JSON.stringify(value)}`;
  });
}

done();
