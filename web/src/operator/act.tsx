// One act with its reason. Where the server wants it confirmed, what it would do is shown first.

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Problem } from "../api";
import { Fault, Field, sentence, useWork } from "../console/ui";

/** What the server says that a dangerous change will do. */
export function dangers(p: Problem): string[] {
  return p.detail.replace(/; ask again with.*$/, "").split("; ").map(sentence);
}

/** The question before a dangerous change. */
export function Asked({ p, yes, no, busy, testid }: { p: Problem; yes: () => void; no: () => void; busy: boolean; testid: string }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => box.current?.focus(), [p]);
  return (
    <div class="note asked" role="alert" tabIndex={-1} ref={box} onKeyDown={(e) => e.key === "Escape" && no()}>
      <p><strong>Please look once more. If you go on:</strong></p>
      <ul>{dangers(p).map((d) => <li key={d}>{d}</li>)}</ul>
      <div class="row"><button type="button" class="main" data-testid={testid} aria-disabled={busy} onClick={yes}>{busy ? "One moment…" : "Yes, do it"}</button>
        <button type="button" onClick={no}>No, leave it</button></div>
    </div>
  );
}

export function Act({ label, ask, yes, danger, off, reason, hint, send, testid, children }: {
  label: string; ask: string; yes: string; danger?: boolean;
  /** Why it cannot be done yet. */
  off?: string; reason: string; hint?: string;
  send: (reason: string, confirm?: string) => Promise<void>; testid: string; children?: ComponentChildren;
}): JSX.Element {
  const [open, setOpen] = useState(false);
  const [why, setWhy] = useState("");
  const [asked, setAsked] = useState<Problem | null>(null);
  const w = useWork();
  const box = useRef<HTMLFormElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const was = useRef(false);
  useEffect(() => {
    if (open) box.current?.querySelector<HTMLElement>("input, select")?.focus();
    else if (was.current) opener.current?.focus();
    was.current = open;
  }, [open]);
  const close = (): void => {
    setOpen(false);
    setAsked(null);
    w.clear();
  };
  const go = (confirm?: string): void => void w.run(async () => {
    try {
      await send(why.trim(), confirm);
      setWhy("");
      close();
    } catch (e) {
      const p = e as Problem;
      setAsked(p.code === "confirm-needed" ? p : null);
      if (p.code !== "confirm-needed") throw p;
    }
  });
  if (!open || off !== undefined) return <button type="button" ref={opener} class={danger ? "bad" : ""} data-testid={testid} disabled={off !== undefined} title={off} onClick={() => setOpen(true)}>{label}</button>;
  return (
    <form class="ask" ref={box} onKeyDown={(e) => e.key === "Escape" && close()} onSubmit={(e) => { e.preventDefault(); go(); }}>
      <p>{ask}</p>
      {children}
      <Field label={reason} required maxLength={500} value={why} set={(v) => { setWhy(v); setAsked(null); }} hint={hint} data-testid={testid + "-reason"} />
      <Fault p={w.fault} />
      {asked ? <Asked p={asked} busy={w.busy} yes={() => go(asked.confirm)} no={close} testid={testid + "-confirm"} />
        : <div class="row">
          <button type="submit" class={danger ? "bad" : "main"} data-testid={testid + "-yes"} aria-disabled={w.busy}>{w.busy ? "One moment…" : yes}</button>
          <button type="button" onClick={close}>Cancel</button>
        </div>}
    </form>
  );
}
