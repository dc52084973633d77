// Telling everybody in the line something, in several languages.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { api } from "../console/session";
import { Fault, Field, TwoStep, useWork } from "../console/ui";
import { clockTime } from "../logic/time";
import type { Announcement } from "../wire";

export function Announce({ now, path }: { now?: Announcement; path: string }): JSX.Element {
  const [rows, setRows] = useState<[string, string][]>([["en", ""]]);
  const [told, setTold] = useState("");
  const w = useWork();
  const set = (nth: number, row: [string, string]): void => {
    setTold("");
    setRows((all) => all.map((r, i) => (i === nth ? row : r)));
  };
  return (
    <div class="card" data-testid="announce">
      <h2>Announcement</h2>
      {now ? <div class="note">
        <p class="small">Everybody in line reads since {clockTime(now.at_ms)}:</p>
        <dl>{Object.entries(now.texts ?? {}).map(([lang, text]) => <><dt class="small">{lang}</dt><dd lang={lang}>{text}</dd></>)}</dl>
        <TwoStep label="Withdraw it" ask="It disappears from every page." yes="Withdraw" testid="withdraw" act={async () => { await api("DELETE", path + "/announcement"); setTold("Withdrawn."); }} />
      </div> : <p class="small">Nothing is announced. What you write here is shown to everybody in line within a second, in the language of their browser; in the first of these if there is none.</p>}
      <form onSubmit={(e) => {
        e.preventDefault();
        void w.run(async () => {
          const texts = Object.fromEntries(rows.filter(([, text]) => text.trim()).map(([lang, text]) => [lang.trim(), text.trim()]));
          await api<Announcement>("POST", path + "/announcement", { body: { texts } });
          setRows([["en", ""]]);
          setTold("Announced.");
        });
      }}>
        {rows.map(([lang, text], nth) => (
          <div class="fields" key={nth}>
            <Field label="Language" required pattern="[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}" value={lang} set={(v) => set(nth, [v, text])} hint="For example en, de, pt-BR." />
            <Field label="Text" wide required maxLength={400} value={text} set={(v) => set(nth, [lang, v])} data-testid={"announce-" + nth} />
          </div>))}
        <Fault p={w.fault} />
        <div class="row">
          <button type="submit" class="main" aria-disabled={w.busy} data-testid="announce-send">{now ? "Announce this instead" : "Announce"}</button>
          {rows.length < 12 && <button type="button" onClick={() => setRows((all) => [...all, ["", ""]])}>Another language</button>}
          {rows.length > 1 && <button type="button" onClick={() => setRows((all) => all.slice(0, -1))}>One less</button>}
          <span role="status">{told}</span>
        </div>
      </form>
    </div>
  );
}
