// The part of YAML that the files of deploy/ are written in: block maps and lists, flow maps and lists within a line, plain and
// quoted scalars, literal blocks, anchors, aliases and merges. Anything else is an error, so that it is noticed here and not by the
// program that reads the file. Where Python's parser is installed, deploy/check.sh compares the two.

export function parse(text) {
  const lines = text.split("\n").map((raw, index) => ({ number: index + 1, raw, indent: raw.search(/\S/), text: raw.trim() }));
  if (text.includes("\t")) throw new Error("a tab");
  const state = { lines, at: 0, anchors: new Map() };
  const value = block(state, 0);
  if (peek(state)) fail(state, "does not belong to what is above it");
  return value;
}

function fail(state, what) {
  throw new Error(`line ${state.lines[state.at]?.number ?? "at the end"}: ${what}`);
}

/** The next line with something on it. */
function peek(state) {
  while (state.at < state.lines.length && (state.lines[state.at].text === "" || state.lines[state.at].text.startsWith("#"))) state.at++;
  return state.lines[state.at];
}

function block(state, least) {
  const first = peek(state);
  if (!first || first.indent < least) return null;
  return first.text.startsWith("- ") || first.text === "-" ? list(state, first.indent) : map(state, first.indent);
}

function list(state, indent) {
  const items = [];
  for (let line = peek(state); line && line.indent === indent && /^-( |$)/.test(line.text); line = peek(state)) {
    const rest = line.text.slice(1).trimStart();
    if (rest === "") {
      state.at++;
      items.push(block(state, indent + 1));
    } else if (keyed(rest)) {
      // A map that begins behind the dash.
      line.indent = indent + line.text.length - rest.length;
      line.text = rest;
      items.push(map(state, line.indent));
    } else {
      state.at++;
      items.push(scalar(state, rest));
    }
  }
  return items;
}

const KEY = /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s"'#&*!|>%@`{[][^#]*?|<<):(?: +(.*))?$/;
const keyed = (text) => KEY.test(text);

function map(state, indent) {
  const result = {};
  const merged = [];
  for (let line = peek(state); line && line.indent === indent; line = peek(state)) {
    const [, name, tail = ""] = KEY.exec(line.text) ?? fail(state, `no \`key: value\`: ${line.text}`);
    const key = scalar(state, name, String);
    if (Object.hasOwn(result, key)) fail(state, `the key ${key} twice`);
    state.at++;
    let rest = comment(tail);
    const anchor = /^&(\w+)( +|$)/.exec(rest);
    if (anchor) rest = rest.slice(anchor[0].length);
    let value;
    if (rest === "|") value = literal(state, indent);
    else if (rest === "") {
      const next = peek(state);
      value = block(state, next && /^-( |$)/.test(next.text) ? indent : indent + 1);
    } else value = scalar(state, rest);
    if (anchor) state.anchors.set(anchor[1], value);
    if (key === "<<") merged.push(value);
    else result[key] = value;
  }
  const line = peek(state);
  if (line && line.indent > indent) fail(state, "is indented too far");
  return Object.assign({}, ...merged, result);
}

function literal(state, indent) {
  const taken = [];
  while (state.at < state.lines.length && (state.lines[state.at].text === "" || state.lines[state.at].indent > indent)) taken.push(state.lines[state.at++].raw);
  while (taken.at(-1)?.trim() === "") taken.pop();
  const margin = Math.min(...taken.filter((raw) => raw.trim()).map((raw) => raw.search(/\S/)));
  return taken.map((raw) => raw.slice(margin)).join("\n") + "\n";
}

/** Without the comment behind it. */
function comment(text) {
  if (/^["'[{]/.test(text)) return text;
  return text.replace(/(^| )#.*$/, "").trimEnd();
}

function scalar(state, text, plain = typed) {
  const reader = { text, at: 0 };
  const value = flow(state, reader, plain, "");
  if (!/^( *| +#.*)$/.test(reader.text.slice(reader.at))) fail(state, `unexpected behind a value: ${reader.text.slice(reader.at)}`);
  return value;
}

function flow(state, reader, plain, ends) {
  const skip = () => { while (reader.text[reader.at] === " ") reader.at++; };
  const take = (pattern) => {
    pattern.lastIndex = reader.at;
    const found = pattern.exec(reader.text);
    if (found) reader.at = pattern.lastIndex;
    return found;
  };
  skip();
  const start = reader.text[reader.at];
  let found;
  if (start === '"') {
    if (!(found = take(/"(?:[^"\\]|\\["\\/bfnrt])*"/y))) fail(state, "an unfinished or unusual text in quotes");
    return JSON.parse(found[0]);
  }
  if (start === "'") {
    if (!(found = take(/'((?:[^']|'')*)'/y))) fail(state, "an unfinished text in quotes");
    return found[1].replaceAll("''", "'");
  }
  if (start === "*") {
    if (!(found = take(/\*(\w+)/y)) || !state.anchors.has(found[1])) fail(state, `an unknown alias: ${reader.text}`);
    return state.anchors.get(found[1]);
  }
  if (start === "[" || start === "{") {
    const close = start === "[" ? "]" : "}";
    const items = [];
    for (reader.at++, skip(); reader.text[reader.at] !== close; skip()) {
      if (start === "{") {
        const key = flow(state, reader, String, ":");
        skip();
        if (!take(/: /y)) fail(state, `no \`key: value\` in ${reader.text}`);
        items.push([key, flow(state, reader, typed, ",}")]);
      } else items.push(flow(state, reader, typed, ",]"));
      skip();
      if (reader.text[reader.at] === ",") reader.at++;
      else if (reader.text[reader.at] !== close) fail(state, `an unfinished ${start} in ${reader.text}`);
    }
    reader.at++;
    return start === "[" ? items : Object.fromEntries(items);
  }
  if (/[&!|>%@`]/.test(start ?? "")) fail(state, `not understood here: ${reader.text}`);
  found = ends === "" ? take(/.*/y) : ends === ":" ? take(/[^:,[\]{}]+/y) : take(/[^,[\]{}]+/y);
  if (!found || found[0].trim() === "") fail(state, `a value is missing in ${reader.text}`);
  if (ends === "" && found[0].includes(": ")) fail(state, `a colon in a text without quotes: ${found[0]}`);
  return plain(ends === "" ? comment(found[0].trim()) : found[0].trim());
}

function typed(text) {
  if (/^(true|false)$/.test(text)) return text === "true";
  if (/^(null|~)$/.test(text)) return null;
  if (/^[-+]?(0|[1-9]\d*)(\.\d+)?$/.test(text)) return Number(text);
  // Where parsers of different ages differ, quotes are asked for.
  if (/^(yes|no|on|off|y|n|True|False|Null|0\d+|\d+(:\d\d)+)$/i.test(text)) throw new Error(`write ${text} in quotes`);
  return text;
}
