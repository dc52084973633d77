// Who changed what, when and why; and the way back from the last change.

import type { JSX } from "preact";
import { api } from "../console/session";
import { Scroll } from "../console/ui";
import { stamp } from "../logic/spans";
import { differences, fromLog } from "../logic/tuning";
import { classWords, placeWords } from "../logic/history";
import { plural, span } from "../logic/words";
import type { AdmissionView, AuditLine, PlaceState } from "../wire";
import { Act } from "./act";

export const ACTIONS: Record<string, string> = {
  "admission.tune": "Changed knobs", "admission.undo": "Undid a change", "admission.pause": "Held everybody", "admission.resume": "Let in again",
  "admission.stop": "Emergency stop", "admission.start": "Started again", "place.remove": "Took a place out", "place.put-back": "Put a place back",
  "deadlines.extend": "Gave all more time", "deadlines.freeze": "Froze deadlines", "deadlines.thaw": "Lifted the freeze",
  "seats.block": "Kept seats back", "seats.unblock": "Gave seats free", "seats.schedule": "Set when blocked seats open", "tickets.give": "Gave tickets", "tickets.revoke": "Took tickets back",
  "event.edit": "Edited the event", "event.publish": "Published the event", "sale.edit": "Edited the sale", "sale.publish": "Published the sale", "booking.refund": "Refunded a booking",
  "code.make": "Made access codes", "code.end": "Ended an access code", "invitation.import": "Imported invitations", "invitation.withdraw": "Took an invitation back",
};

/** The fields of an event, with the promoter's names for them. */
const EVENT: Record<string, string> = { name: "name", venue: "venue", starts_at_ms: "start", time_zone: "time zone", currency: "currency", accessible_release: "wheelchair places", tickets_per_person: "tickets per person" };

/** What a line of the audit log changed, in words. */
export function changed(l: AuditLine, zone: string): string[] {
  const c = (l.change ?? {}) as { from?: unknown; to?: unknown };
  const from = fromLog(c.from);
  const to = fromLog(c.to);
  if (from && to) return differences(from, to, zone);
  if (l.action === "event.edit") {
    const [a, b] = [c.from ?? {}, c.to ?? {}] as Record<string, unknown>[];
    const told = (k: string, v: unknown): string => (k === "starts_at_ms" ? stamp(v as number, zone) : String(v ?? "no limit"));
    return Object.keys(EVENT).filter((k) => a?.[k] !== b?.[k]).map((k) => `${EVENT[k]}: ${told(k, a?.[k])} → ${told(k, b?.[k])}`);
  }
  if (l.action.startsWith("place.")) {
    const a = c.from as { state?: PlaceState; class?: number } | undefined;
    const b = c.to as { state?: PlaceState; class?: number } | undefined;
    if (!a?.state || !b?.state) return [];
    if ((a.state as string) === "none") return [`new place: ${b.class === 0 ? "head of the line" : "at the back"}`];
    const moved = b.class !== undefined && b.class !== a.class ? [`${classWords(a.class ?? 10)} → ${classWords(b.class)}`] : [];
    return [...(a.state === b.state ? [] : [`${placeWords[a.state]} → ${placeWords[b.state]}`]), ...moved];
  }
  const e = c as { codes?: number; first?: { prefix: string; label: string }[]; prefix?: string; label?: string; addresses?: number; class?: number; reason?: string; by_ms?: number; from_ms?: number | null; to_ms?: number | null; seats?: number[]; name?: string };
  if (l.action === "seats.schedule") return [`${e.label}: ${[e.from_ms, e.to_ms].map((at) => (at ? stamp(at, zone) : "by hand")).join(" → ")}`];
  if (l.action.startsWith("seats.")) return [`${e.label}: ${plural(e.seats?.length ?? 0, "seat")}`];
  if (l.action.startsWith("tickets.")) return [e.seats ? `${e.name}: ${plural(e.seats.length, "ticket")}` : e.name ?? ""];
  if (l.action === "deadlines.extend") return [span(e.by_ms ?? 0)];
  const named = (one: { prefix?: string; label?: string }): string => `${one.prefix}…${one.label ? ` (${one.label})` : ""}`;
  if (l.action === "code.make") return [plural(e.codes ?? 0, "code"), ...(e.first ?? []).slice(0, 3).map(named)];
  if (l.action === "code.end") return [named(e)];
  if (l.action === "invitation.import") return [plural(e.addresses ?? 0, "address", "addresses")];
  if (l.action === "invitation.withdraw") return [`${classWords(e.class ?? 10)}: ${e.reason ?? ""}`];
  return [];
}

export function Undo({ view, lines, zone, path, show }: { view: AdmissionView; lines: AuditLine[]; zone: string; path: string; show: (a: AdmissionView, tag: string | null) => void }): JSX.Element | null {
  const last = lines.find((l) => l.action === "admission.tune" || l.action === "admission.undo");
  const before = last && fromLog((last.change as { from?: unknown } | null)?.from);
  if (!last || !before) return null;
  const back = differences(view.tuning, before, zone);
  return (
    <Act testid="undo" label="Undo the last change of knobs…" yes="Undo it" ask="The knobs go back to what they were before:" reason="Reason, for the history"
      send={async (reason, confirm) => {
        const a = await api<AdmissionView>("POST", path + "/undo", { body: { reason, confirm }, ifMatch: `"${view.rate_version}"` });
        show(a.data, a.etag);
      }}>
      <ul>{back.length ? back.map((l) => <li key={l}>{l}</li>) : <li>they are as they were already</li>}</ul>
    </Act>
  );
}

export function Audit({ lines, own, zone }: { lines: AuditLine[]; own: string; zone: string }): JSX.Element {
  return (
    <Scroll label="History of changes"><table class="lines" role="table" data-testid="audit">
      <thead role="rowgroup"><tr role="row">{["When", "What", "Why", "Who"].map((c) => <th key={c} scope="col" role="columnheader">{c}</th>)}</tr></thead>
      <tbody role="rowgroup">{lines.map((l, i) => (
        <tr role="row" key={l.at_ms + l.action + i}>
          <td role="cell" class="tight-cell">{stamp(l.at_ms, zone)}</td>
          <th scope="row" role="rowheader">{ACTIONS[l.action] ?? l.action}{changed(l, zone).map((c) => <span class="small" key={c}>{c}</span>)}</th>
          <td role="cell" class="why">{l.reason}</td>
          <td role="cell" class="who">{l.account_id === own ? "you" : l.email ?? <code>{l.account_id}</code>}</td>
        </tr>))}
      </tbody></table></Scroll>
  );
}
