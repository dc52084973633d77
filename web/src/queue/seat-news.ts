// Which seats moved, from the socket to the map where one is shown.

import type { SeatsMoved } from "../wire";

export const seatNews: {
  /** The map, if there is one. */
  hear?: (moved: SeatsMoved) => void;
  /** Whether a socket tells; else the map asks. */
  pushed: boolean;
} = { pushed: false };
