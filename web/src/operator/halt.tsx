// Holding everybody, and the emergency stop: two things, shown as two.

import type { JSX } from "preact";
import { api } from "../console/session";
import type { AdmissionView } from "../wire";
import { Act } from "./act";

export function Halt({ view, path, show }: { view: AdmissionView; path: string; show: (a: AdmissionView, tag: string | null) => void }): JSX.Element {
  const paused = view.pause_reason !== undefined;
  const stopped = view.stop_reason !== undefined;
  const send = (what: string) => async (reason: string, confirm?: string): Promise<void> => {
    const a = await api<AdmissionView>("POST", `${path}/${what}`, { body: { reason, confirm } });
    show(a.data, a.etag);
  };
  return (
    <div class="knobs">
      <section class="card">
        <h2>{paused ? "Everybody is held" : "Hold everybody"}</h2>
        <p class="small">{paused ? "Nobody is let in; fans may still join." : "Nobody is let in; fans may still join, places are kept, and seats held stay held."}</p>
        {paused
          ? <Act key="resume" testid="resume" label="Let them in again…" yes="Let them in" ask="Fans are let in again within a second." reason="Reason, for the history" send={send("resume")} />
          : <Act key="pause" testid="pause" danger label="Hold everybody…" yes="Hold now" ask="Everybody in line reads the reason. It takes effect within a second." reason="Reason, as fans will read it" send={send("pause")} />}
      </section>
      <section class="card">
        <h2>{stopped ? "The sale is stopped" : "Emergency stop"}</h2>
        <p class="small">{stopped ? "Nobody can join and nobody is let in. Places, holds and payments are kept." : "As holding everybody, and nobody can join either. Places, holds and payments are kept."}</p>
        {stopped
          ? <Act key="start" testid="start" label="Start again…" yes="Start again" ask="Fans can join again within a second." reason="Reason, for the history" send={send("start")} />
          : <Act key="stop" testid="stop" danger label="Emergency stop…" yes="Stop the sale" ask="Everybody in line, and everybody who wants to join, reads the reason." reason="Reason, as fans will read it" send={send("stop")} />}
      </section>
    </div>
  );
}
