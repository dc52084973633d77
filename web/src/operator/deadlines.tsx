// More time for all who hold seats: an extension, or a freeze of everybody's deadline until it is lifted.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { api } from "../console/session";
import { Field } from "../console/ui";
import { count } from "../logic/words";
import type { AdmissionView } from "../wire";
import { Act } from "./act";

export function Deadlines({ view, path, show }: { view: AdmissionView; path: string; show: (a: AdmissionView, tag: string | null) => void }): JSX.Element {
  const [minutes, setMinutes] = useState("5");
  const send = (what: string, more: object = {}) => async (reason: string, confirm?: string): Promise<void> => {
    const a = await api<AdmissionView>("POST", `${path}/deadlines/${what}`, { body: { ...more, reason, confirm } });
    show(a.data, a.etag);
  };
  const frozen = view.clock.frozen;
  return (
    <div class="knobs">
      <section class="card">
        <h2>{frozen ? "Deadlines are frozen" : "Freeze deadlines"}</h2>
        <p class="small">{frozen ? "Nobody's time to pay runs out. When you lift it, each has what was left, and two seconds more." : `For when nobody can pay. The time to pay of ${count(view.numbers.holding)} who hold seats stands still, and that of who comes.`}</p>
        {frozen
          ? <Act key="thaw" testid="thaw" label="Lift the freeze…" yes="Lift it" ask="Everybody's time to pay goes on within a second." reason="Reason, for the history" send={send("thaw")} />
          : <Act key="freeze" testid="freeze" danger label="Freeze deadlines…" yes="Freeze now" ask="Everybody who holds seats reads the reason. No seat comes free by itself meanwhile." reason="Reason, as fans will read it" send={send("freeze")} />}
      </section>
      <section class="card">
        <h2>Give everybody more time</h2>
        <p class="small">For who holds seats now. It cannot be taken back, and leaves each their own extension.</p>
        <Act testid="extend-all" label="More time for all…" yes="Give it" ask="Everybody who holds seats sees the new deadline within a second." reason="Reason, for the history" send={send("extend", { by_ms: Math.round(Number(minutes) * 60_000) })}>
          <Field label="Minutes" type="number" min={1} max={60} required value={minutes} set={setMinutes} data-testid="extend-all-minutes" />
        </Act>
      </section>
    </div>
  );
}
