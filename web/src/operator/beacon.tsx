// While the draw waits for its public randomness: which round it waits for, and carrying it in by hand.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { api, get } from "../console/session";
import { Fault, Field, Loading, useLoad, useWork } from "../console/ui";
import { clockTime } from "../logic/time";
import type { DrawView } from "../wire";

export function CarryBeacon({ id, path }: { id: string; path: string }): JSX.Element | null {
  const draw = useLoad(() => get<DrawView>(`/v1/sales/${encodeURIComponent(id)}/draw`), [id]);
  const [signature, setSignature] = useState("");
  const [reason, setReason] = useState("");
  const [told, setTold] = useState("");
  const w = useWork();
  const d = draw.data;
  if (!d) return <Loading what="the draw" fault={draw.fault} again={() => void draw.reload()} />;
  if (!d.beacon || d.round === undefined) return null;
  return (
    <form class="card" data-testid="carry-beacon" onSubmit={(e) => {
      e.preventDefault();
      void w.run(async () => {
        await api("POST", path + "/beacon", { body: { round: d.round, signature: signature.trim(), reason: reason.trim() } });
        setTold("Verified and kept. The numbers are drawn in a moment.");
      });
    }}>
      <h2>The draw waits for its randomness</h2>
      <p>Round {d.round} of {d.beacon}, due {clockTime(d.round_at_ms ?? 0)}. It is fetched as soon as the network lets it through{d.unprovable_from_ms ? `; from ${clockTime(d.unprovable_from_ms)} the draw goes on without it, and says that it proves nothing` : ""}.</p>
      <p class="small">Any relay of the chain has it, for example <code>https://api.drand.sh/{d.chain}/public/{d.round}</code>: carry its <code>signature</code> in by hand. It is verified, so that it cannot be chosen.</p>
      <div class="fields">
        <Field label="Signature" wide required pattern="\s*[0-9a-f]{96}\s*" value={signature} set={setSignature} data-testid="beacon-signature" />
        <Field label="Reason" wide required maxLength={500} value={reason} set={setReason} hint="For the audit log." />
      </div>
      <Fault p={w.fault} />
      <div class="row"><button type="submit" class="main" aria-disabled={w.busy}>Carry it in</button><span role="status">{told}</span></div>
    </form>
  );
}
