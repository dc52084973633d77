// YAML as the programs that read deploy/ take it: without doubled keys, and with nothing that parsers of different ages read differently.

import { isDeepStrictEqual } from "node:util";
import { parseDocument } from "yaml";

/** The file's one document. What is not plain is an error that says the line. */
export function parse(text) {
  const value = read(text, "1.2");
  // YAML 1.1 takes `yes` for true, `022` for eighteen and `1:30` for ninety.
  if (!isDeepStrictEqual(value, read(text, "1.1"))) throw new Error("YAML 1.1 and 1.2 read different things here: put words like yes, on, 022 and 1:30 in quotes");
  return value;
}

function read(text, version) {
  const document = parseDocument(text, { version, merge: true, uniqueKeys: true, strict: true });
  const [fault] = [...document.errors, ...document.warnings];
  if (fault) throw fault;
  return document.toJS();
}
