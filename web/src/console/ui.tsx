// What both consoles are made of.

import type { ComponentChildren, JSX } from "preact";
import { useCallback, useEffect, useId, useRef, useState } from "preact/hooks";
import { Problem } from "../api";

export function sentence(s: string): string {
  return s ? s[0]!.toUpperCase() + s.slice(1) + (/[.!?]$/.test(s) ? "" : ".") : "";
}

/** What went wrong, with a way on. */
export function Fault({ p, again }: { p: Problem | null; again?: () => void }): JSX.Element | null {
  if (!p) return null;
  return (
    <div class="note bad" role="alert" data-testid="trouble">
      <p><strong>{sentence(p.title)}</strong> {sentence(p.detail)}</p>
      {p.faults.length > 0 && <ul>{p.faults.map((f) => <li key={f}>{f}</li>)}</ul>}
      {p.retryAfterS && <p>Try again in {p.retryAfterS} s.</p>}
      {p.status >= 500 && p.requestId && <p class="small">If you report this, give this number: <code>{p.requestId}</code></p>}
      {again && <p><button type="button" onClick={again}>Try again</button></p>}
    </div>
  );
}

/** Something loaded from the API: what came, what went wrong, and how to load it again. */
export function useLoad<T>(load: () => Promise<T>, deps: readonly unknown[]): { data?: T; fault: Problem | null; reload: () => Promise<void>; set: (t: T) => void; change: (f: (was: T) => T) => void } {
  const [state, setState] = useState<{ data?: T; fault: Problem | null }>({ fault: null });
  const turn = useRef(0);
  const reload = useCallback(async () => {
    const mine = ++turn.current;
    try {
      const data = await load();
      if (turn.current === mine) setState({ data, fault: null });
    } catch (e) {
      if (turn.current === mine) setState((s) => ({ ...s, fault: e as Problem }));
    }
  }, deps);
  useEffect(() => {
    setState({ fault: null });
    void reload();
    return () => void turn.current++;
  }, [reload]);
  const change = (f: (was: T) => T): void => setState((s) => (s.data === undefined ? s : { data: f(s.data), fault: null }));
  return { ...state, reload, set: (data) => setState({ data, fault: null }), change };
}

export function Loading({ what, fault, again }: { what: string; fault: Problem | null; again: () => void }): JSX.Element {
  return fault ? <Fault p={fault} again={again} /> : <p class="muted" role="status">Loading {what}…</p>;
}

interface Input {
  label: string; value: string; set: (v: string) => void; hint?: string; wide?: boolean;
  type?: string; required?: boolean; min?: number | string; max?: number; step?: number | "any"; minLength?: number; maxLength?: number;
  pattern?: string; list?: string; autocomplete?: string; inputMode?: "decimal"; "data-testid"?: string;
}
export function Field({ label, value, set, hint, wide, ...rest }: Input): JSX.Element {
  const id = useId();
  return (
    <div class={wide ? "field wide" : "field"}>
      <label for={id}>{label}</label>
      <input {...(rest as object)} id={id} value={value} aria-describedby={hint ? id + "h" : undefined} onInput={(e) => set(e.currentTarget.value)} />
      {hint && <p class="small" id={id + "h"}>{hint}</p>}
    </div>
  );
}
export function Select({ label, value, set, options, hint, disabled }: { label: string; value: string; set: (v: string) => void; options: [string, string][]; hint?: string; disabled?: boolean }): JSX.Element {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={value} disabled={disabled} onChange={(e) => set(e.currentTarget.value)}>
        {options.map(([v, words]) => <option key={v} value={v} selected={v === value}>{words}</option>)}
      </select>
      {hint && <p class="small">{hint}</p>}
    </div>
  );
}
export function Tick({ label, on, set }: { label: string; on: boolean; set: (on: boolean) => void }): JSX.Element {
  return <label class="tick"><input type="checkbox" checked={on} onChange={(e) => set(e.currentTarget.checked)} /><span>{label}</span></label>;
}

/** Runs one thing at a time and keeps its fault. */
export function useWork(): { busy: boolean; fault: Problem | null; run: (work: () => Promise<void>) => Promise<boolean>; clear: () => void } {
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<Problem | null>(null);
  const running = useRef(false);
  const run = async (work: () => Promise<void>): Promise<boolean> => {
    if (running.current) return false;
    running.current = true;
    setBusy(true);
    setFault(null);
    try {
      await work();
      return true;
    } catch (e) {
      setFault(e instanceof Problem ? e : new Problem(0, "page", "Something went wrong on this page", String(e)));
      return false;
    } finally {
      running.current = false;
      setBusy(false);
    }
  };
  return { busy, fault, run, clear: () => setFault(null) };
}

/** One page of a list. */
const PAGE = 50;

/** A list that is read page by page: what came so far, and the way to more of it. */
export function usePages<T>(page: (query: string) => Promise<T[]>, id: (one: T) => string, deps: readonly unknown[]): {
  all?: T[]; fault: Problem | null; reload: () => Promise<void>; change: (f: (all: T[]) => T[]) => void; more: JSX.Element | null;
} {
  const w = useWork();
  const read = async (after?: string): Promise<{ got: T[]; last?: string }> => {
    const got = await page(`?limit=${PAGE}${after ? "&after=" + after : ""}`);
    return { got, last: got.length === PAGE ? id(got[PAGE - 1]!) : undefined };
  };
  const l = useLoad(() => read(), deps);
  const next = (): void => void w.run(async () => {
    const { got, last } = await read(l.data!.last);
    // Something may have been added to what came before, or taken from it, while this was read.
    l.change((was) => ({ got: [...was.got, ...got.filter((one) => !was.got.some((has) => id(has) === id(one)))], last }));
  });
  return {
    all: l.data?.got, fault: l.fault, reload: l.reload, change: (f) => l.change((was) => ({ ...was, got: f(was.got) })),
    more: l.data?.last ? <><Fault p={w.fault} /><div class="row"><button type="button" data-testid="load-more" aria-disabled={w.busy} onClick={next}>{w.busy ? "Loading…" : "Load more"}</button></div></> : null,
  };
}

/** A step that is asked about once more, in place. */
export function TwoStep({ label, ask, yes, danger, act, testid, children }: {
  label: string; ask: string; yes: string; danger?: boolean; act: () => Promise<void>; testid?: string; children?: ComponentChildren;
}): JSX.Element {
  const [open, setOpen] = useState(false);
  const w = useWork();
  const box = useRef<HTMLFormElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const was = useRef(false);
  useEffect(() => {
    if (open) (box.current?.querySelector<HTMLElement>("input, textarea") ?? box.current?.querySelector("button"))?.focus();
    else if (was.current) opener.current?.focus();
    was.current = open;
  }, [open]);
  if (!open) return <button type="button" ref={opener} class={danger ? "bad" : ""} data-testid={testid} onClick={() => setOpen(true)}>{label}</button>;
  return (
    <form class="ask" ref={box} onKeyDown={(e) => e.key === "Escape" && setOpen(false)} onSubmit={(e) => { e.preventDefault(); void w.run(act).then((done) => done && setOpen(false)); }}>
      <p>{ask}</p>
      {children}
      <Fault p={w.fault} />
      <div class="row">
        <button type="submit" class={danger ? "bad" : "main"} data-testid={testid && testid + "-yes"} aria-disabled={w.busy}>{w.busy ? "One moment…" : yes}</button>
        <button type="button" onClick={() => { setOpen(false); w.clear(); }}>Cancel</button>
      </div>
    </form>
  );
}

/** Where in the console we are: the parts of the address after `#/`. */
export function useWay(): string[] {
  const read = (): string[] => location.hash.replace(/^#\/?/, "").split("/").filter(Boolean).map(decodeURIComponent);
  const [way, setWay] = useState(read);
  useEffect(() => {
    const on = (): void => setWay(read());
    addEventListener("hashchange", on);
    return () => removeEventListener("hashchange", on);
  }, []);
  return way;
}

/** The page's heading; gets the focus when the way changes. */
export function Heading({ children, title }: { children: ComponentChildren; title: string }): JSX.Element {
  const ref = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = title + " – Usher";
    if (document.activeElement === document.body || document.activeElement instanceof HTMLAnchorElement) ref.current?.focus();
  }, [title]);
  return <h1 ref={ref} tabIndex={-1}>{children}</h1>;
}

export function Chip({ kind, children }: { kind: string; children: ComponentChildren }): JSX.Element {
  return <span class={"chip " + kind}>{children}</span>;
}

/** A table that may be wider than the screen scrolls by itself, by keyboard too. */
export function Scroll({ label, children }: { label: string; children: ComponentChildren }): JSX.Element {
  return <div class="scroll" role="region" aria-label={label} tabIndex={0}>{children}</div>;
}
