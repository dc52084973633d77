// Elements without a library.

import { Problem } from "../api";

type Child = Node | string | number | null | undefined | false | Child[];
type Attrs = Record<string, unknown>;

/** An element. Attributes starting with `on` are listeners; `true` is an empty attribute; nothing and `false` are left out. */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, attrs?: Attrs | null, ...children: Child[]): HTMLElementTagNameMap[K] {
  const el = document.createElement(tag);
  for (const [name, v] of Object.entries(attrs ?? {})) {
    if (v === undefined || v === null || v === false) continue;
    if (name.startsWith("on")) el.addEventListener(name.slice(2), v as EventListener);
    else el.setAttribute(name, v === true ? "" : String(v));
  }
  add(el, children);
  return el;
}

function add(el: Node, children: Child[]): void {
  for (const c of children) {
    if (Array.isArray(c)) add(el, c);
    else if (c !== null && c !== undefined && c !== false) el.appendChild(c instanceof Node ? c : document.createTextNode(String(c)));
  }
}

export function fill(el: Element, ...children: Child[]): void {
  el.replaceChildren();
  add(el, children);
}

/** Sets a text only when it changed, so that nothing is announced or laid out again for nothing. */
export function text(el: Element, s: string): void {
  if (el.textContent !== s) el.textContent = s;
}

export const $ = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;

export function button(label: string, onclick: () => void, attrs: Attrs = {}): HTMLButtonElement {
  return h("button", { type: "button", ...attrs, onclick }, label);
}

/** While it runs the button says so and cannot be pressed twice. */
export async function busy(b: HTMLButtonElement, label: string, work: () => Promise<void>): Promise<void> {
  if (b.getAttribute("aria-disabled") === "true") return;
  const old = b.textContent ?? "";
  b.setAttribute("aria-disabled", "true");
  text(b, label);
  try {
    await work();
  } finally {
    b.removeAttribute("aria-disabled");
    text(b, old);
  }
}

/** What went wrong, in words, with a way on. */
export function trouble(p: Problem, again?: () => void): HTMLElement {
  return h("div", { class: "note bad", role: "alert", "data-testid": "trouble" },
    h("p", null, h("strong", null, p.title + "."), " ", sentence(p.detail)),
    p.faults.length > 0 && h("ul", null, p.faults.map((f) => h("li", null, f))),
    p.status >= 500 && p.requestId ? h("p", { class: "small" }, "If you report this, give this number: ", h("code", null, p.requestId)) : null,
    again && h("p", null, button("Try again", again, { class: "plain" })),
  );
}

export function sentence(s: string): string {
  return s ? s[0]!.toUpperCase() + s.slice(1) + (/[.!?]$/.test(s) ? "" : ".") : "";
}
