// A form over something with a version. If somebody else saved meanwhile, both versions are shown and nothing typed is lost.

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Problem } from "../api";
import { differences, merged, type Difference } from "../logic/merge";
import { Fault, useWork, Scroll } from "./ui";

export type Values = Record<string, string | boolean>;
export interface Version<T> { values: T; etag: string | null }

interface Props<T extends Values> {
  start: Version<T>;
  labels: Record<keyof T & string, string>;
  button: string;
  /** Sends what was typed; throws a Problem. Gives what stands there now. */
  save: (values: T, etag: string | null, confirm?: string) => Promise<Version<T>>;
  /** Reads what stands there now, after a conflict. */
  latest?: () => Promise<Version<T>>;
  children: (values: T, set: <K extends keyof T>(field: K) => (v: T[K]) => void) => ComponentChildren;
  cancel?: () => void;
  testid?: string;
}

export function Edit<T extends Values>({ start, labels, button, save, latest, children, cancel, testid }: Props<T>): JSX.Element {
  const [read, setRead] = useState(start);
  const [mine, setMine] = useState(start.values);
  const [theirs, setTheirs] = useState<Version<T> | null>(null);
  const [saved, setSaved] = useState(false);
  /** An edit that the server wants confirmed: what it does, and what confirms it. */
  const [asked, setAsked] = useState<Problem | null>(null);
  const w = useWork();
  // Something beside the form was saved (published, a seat map): what was not touched here follows.
  useEffect(() => {
    if (theirs || start.etag === read.etag || differences(read.values, start.values, read.values).length > 0) return;
    setRead(start);
  }, [start.etag]);
  const set = <K extends keyof T>(field: K) => (v: T[K]): void => {
    setSaved(false);
    setAsked(null);
    setMine((m) => ({ ...m, [field]: v }));
  };
  const accept = (now: Version<T>): void => {
    setRead(now);
    setMine(now.values);
    setTheirs(null);
    setAsked(null);
    setSaved(true);
  };
  const submit = (values: T, etag: string | null, confirm?: string): Promise<boolean> => w.run(async () => {
    setAsked(null);
    try {
      accept(await save(values, etag, confirm));
    } catch (e) {
      if ((e as Problem).code === "confirm-needed") return setAsked(e as Problem);
      if ((e as Problem).status !== 412 || !latest) throw e;
      const newer = await latest();
      if (differences(read.values, newer.values, read.values).length > 0) return setTheirs(newer);
      // Only the number moved: nothing of what is edited here.
      accept(await save(values, newer.etag));
    }
  });
  const differ = theirs ? differences(read.values, theirs.values, mine) : [];
  return (
    <form onSubmit={(e) => { e.preventDefault(); setSaved(false); void submit(mine, (theirs ?? read).etag); }}>
      {theirs && (
        <div class="note" role="alert" data-testid="conflict">
          <p><strong>Somebody else saved a newer version meanwhile.</strong> What you typed is still here.</p>
          {differ.length > 0 ? <Differences rows={differ} labels={labels} /> : <p>It says the same as what you typed.</p>}
          <div class="row">
            <button type="button" data-testid="conflict-merge" onClick={() => { setMine(merged(read.values, theirs.values, mine)); setRead(theirs); setTheirs(null); }}>Keep my changes, take the rest</button>
            <button type="button" data-testid="conflict-theirs" onClick={() => { setMine(theirs.values); setRead(theirs); setTheirs(null); }}>Drop mine, take theirs</button>
          </div>
          <p class="small">Then look it over and save. Saving now writes all of what you typed over theirs.</p>
        </div>
      )}
      <div class="fields">{children(mine, set)}</div>
      <Fault p={w.fault} />
      {asked && (
        <div class="note" role="alert" data-testid="confirm-edit">
          <p><strong>Please look once more.</strong> For the fans who stand in line this means:</p>
          <ul>{asked.faults.map((f) => <li key={f}>{f}</li>)}</ul>
          <p class="row"><button type="button" class="bad" data-testid="confirm-edit-yes" onClick={() => void submit(mine, (theirs ?? read).etag, asked.confirm)}>Yes, save it</button>
            <button type="button" onClick={() => setAsked(null)}>No</button></p>
        </div>
      )}
      <div class="row">
        <button class="main" type="submit" aria-disabled={w.busy} data-testid={testid}>{w.busy ? "Saving…" : theirs ? "Save mine over it" : button}</button>
        {cancel && <button type="button" onClick={cancel}>Cancel</button>}
        <span role="status">{saved ? "Saved." : ""}</span>
      </div>
    </form>
  );
}

function Differences({ rows, labels }: { rows: Difference[]; labels: Record<string, string> }): JSX.Element {
  const show = (v: unknown): string => (v === true ? "yes" : v === false ? "no" : String(v));
  return (
    <Scroll label="Differences">
      <table>
        <thead><tr><th scope="col">Field</th><th scope="col">Theirs</th><th scope="col">Yours</th></tr></thead>
        <tbody>{rows.map((d) => <tr key={d.field}><th scope="row">{labels[d.field] ?? d.field}</th><td>{show(d.theirs)}</td><td>{show(d.mine)}</td></tr>)}</tbody>
      </table>
    </Scroll>
  );
}
