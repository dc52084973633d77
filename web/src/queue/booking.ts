// The booking behind a hold: read when the hold changes, and again while something is undecided.

import { call, type Problem } from "../api";
import { afterSeconds, fullJitter } from "../logic/backoff";
import type { Booking } from "../wire";
import type { App } from "./app";

let wantedFor = "";
let tries = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

export async function followBooking(app: App, set: (b: Booking) => void, draw: () => void, force = false): Promise<void> {
  const v = app.view;
  const id = v?.hold?.booking_id ?? v?.booking_id;
  // The map knows what is held by itself; what became of it after that is for the screens that follow.
  if (app.onMap && v?.state === "holding" && !force) return;
  if (!v || !id || !app.kept || !(v.state === "holding" || v.state === "booked" || v.state === "refunded")) return;
  // Where fans pick, any news may mean other seats.
  const wanted = [id, v.state, v.hold?.paying, v.hold?.declined, v.hold?.exchange, v.hold?.frozen ?? v.hold?.deadline_ms, app.sale?.seating === "pick" && v.changed_at_ms].join();
  if (wanted === wantedFor && !force) return;
  wantedFor = wanted;
  clearTimeout(timer);
  const again = (ms: number): void => {
    timer = setTimeout(() => void followBooking(app, set, draw, true), ms);
  };
  try {
    const b = (await call<Booking>("GET", "/v1/bookings/" + id, { bearer: app.kept.receipt })).data;
    if (wantedFor !== wanted) return;
    tries = 0;
    set(b);
    const undecided = b.state === "capturing" || b.payment?.state === "authorised" || v.hold?.paying || b.exchange === "looking";
    if ((v.state === "booked" && !b.tickets?.length) || undecided) again(1500 + Math.random() * 1500);
  } catch (e) {
    if (wantedFor !== wanted) return;
    const p = e as Problem;
    if (p.passing && tries < 6) again(p.retryAfterS ? afterSeconds(p.retryAfterS) : 300 + fullJitter(++tries));
    else if (!app.booking) {
      tries = 0;
      app.bookingFault = p;
      draw();
    }
  }
}
