// What the queue page knows. Screens read it; main.ts changes it.

import type { Problem } from "../api";
import { Clock } from "../logic/clock";
import type { Availability, Booking, Event, Join, Joined, Sale, View } from "../wire";
import type { Kept } from "../fan/who";

export interface App {
  saleId: string;
  clock: Clock;
  sale?: Sale;
  event?: Event;
  left?: Availability | null;
  kept: Kept | null;
  view?: View;
  /** When the newest news came, by the reader's clock. */
  viewAt: number;
  booking?: Booking;
  bookingFault?: Problem;
  fault?: Problem;
  badReceipt: boolean;
  /** The place's proof is refused because somebody took the place over. */
  moved: boolean;
  again: boolean;
  openingPassed: boolean;
  /** Where fans pick: whether they are on the map, or went on to pay. */
  onMap?: boolean;
  /** Said once above the screen: what happened on the way here. */
  notice?: string;
}

/** What screens may ask main.ts to do. */
export interface Acts {
  load(): Promise<void>;
  join(wish: Join, key: string): Promise<void>;
  /** The place is this page's from now on: taken over, or changed. */
  take(j: Joined): void;
  /** Asks for a transfer code, and takes that place. */
  takeOver(): Promise<void>;
  /** The place is somebody else's now. */
  moved(): void;
  leave(): Promise<void>;
  joinAgain(): void;
  setBooking(b: Booking): void;
  reloadBooking(): void;
  forget(): void;
  signedIn(): Promise<void>;
  changed(): void;
}

/** A drawn screen: what to redraw when something small changed. */
export interface Drawn {
  heading: string;
  nodes: (Node | null | false | undefined)[];
  update?: () => void;
}

/** Milliseconds left to pay. While the clock stands still, as many as when the page was told. */
export function left(app: App): number {
  const hold = app.view?.hold;
  return hold?.frozen ? hold.deadline_ms - app.view!.server_now_ms : app.clock.left(hold?.deadline_ms ?? 0);
}

/** Milliseconds left to choose a first seat, alike; nothing where that is not limited. */
export function shopsLeft(app: App): number | undefined {
  const v = app.view;
  if (v?.shops_until_ms === undefined) return undefined;
  return v.shops_frozen === undefined ? app.clock.left(v.shops_until_ms) : v.shops_until_ms - v.server_now_ms;
}
