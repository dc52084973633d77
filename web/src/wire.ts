// The wire types of the crate `contracts`, as far as the pages read them.

export type Entry = "open" | "account" | "code" | "invited";
export type Publication = "draft" | "published";
export type SaleState = "draft" | "scheduled" | "lobby" | "drawing" | "open" | "paused" | "closing" | "closed" | "sold_out";
/** Who chooses the seats: the system, or the fans on a live map. */
export type Seating = "assign" | "pick";
export type Ordering = "draw_then_fifo" | "fifo" | "draw_only" | "invited_first";
export type PlaceState =
  | "waiting" | "skipped" | "standing" | "holding"
  | "booked" | "lapsed" | "released" | "failed" | "left" | "removed" | "sold_out" | "idle" | "refunded" | "transferred";
/** Whether held seats may be exchanged for others, once. */
export type ExchangeState = "possible" | "looking" | "nothing" | "done";
export type BookingState = "held" | "paying" | "capturing" | "paid" | "lapsed" | "released" | "failed" | "refunded";

export interface ProblemBody {
  type: string;
  status: number;
  code: string;
  title: string;
  detail: string;
  retry_after_s?: number;
  at_ms?: number;
  faults?: string[];
  /** With `confirm-needed`: what makes the same request do it. */
  confirm?: string;
}

export interface Session {
  account_id: string;
  access_token: string;
  expires_in_ms: number;
  refresh_token: string;
}
export interface Visitor { fan_id: string; token: string; expires_at_ms: number }
export interface Membership { organisation_id: string; organisation: string; role: "promoter" | "operator" }
export interface Me { account_id: string; email: string; memberships: Membership[] }
export interface Organisation { organisation_id: string; name: string }

export interface EventDraft {
  name: string;
  venue: string;
  starts_at_ms: number;
  time_zone: string;
  currency: string;
  accessible_release?: "house" | "section" | "tier" | "never";
  /** Over all sales of the event; without it, no limit. */
  tickets_per_person?: number;
}
export interface Tier { id: string; name: string; price_minor: number; fee_minor: number; capacity: number }
export interface Event extends EventDraft {
  event_id: string;
  organisation_id: string;
  publication: Publication;
  version: number;
  tiers: Tier[];
  capacity: number;
  sales: Sale[];
}
export interface SaleDraft {
  name: string;
  lobby_opens_at_ms?: number;
  opens_at_ms: number;
  closes_at_ms: number;
  wait_ends_at_ms?: number;
  ordering: Ordering;
  entry: Entry;
  seating: Seating;
  /** Where fans pick: how long they may look for seats until the first are held. */
  shop_ms: number;
  party_max: number;
  rate_per_minute: number;
  max_active: number;
  hold_ttl_ms: number;
  extension_ms: number;
  grace_ms: number;
  presence_ms: number;
  gather_ms: number;
  answer_ms: number;
  rejoin: boolean;
  /** Seats that it may have held or sold at once; without it, all. */
  allotment?: number;
  beacon?: "public" | "none";
  /** The draw goes on without its beacon so many seconds after it was due; without this, it waits. */
  unprovable_after_s?: number;
}
export interface Sale extends SaleDraft {
  sale_id: string;
  event_id: string;
  publication: Publication;
  state: SaleState;
  pause_reason?: string;
  /** Not paused but stopped: nobody joins either. */
  stopped?: boolean;
  version: number;
  server_now_ms: number;
}

export interface Wishes { tiers: string[]; other_tiers: boolean; apart: boolean; fewer: boolean; accessible: boolean }
export interface Join { party: number; wishes: Wishes; code?: string }
export interface Seq { joins: number; pace: number; seats: number }
export interface Listen { socket: string; poll: string }
export interface Place {
  place_id: string;
  sale_id: string;
  event_id: string;
  entry: number;
  party: number;
  wishes?: Wishes;
  state: PlaceState;
  joined_at_ms: number;
  booking_id?: string;
}
/** A signed note that the entry is in the lobby; what it says is read by src/draw alone. */
export type Acknowledgement = Record<string, unknown>;
export interface Joined { place: Place; receipt: string; listen: Listen; seq: Seq; acknowledgement?: Acknowledgement }
export type EstimateChange = "sooner" | "slower" | "new_rate" | "new_state" | "put_before";
export interface Estimate { low_s: number; high_s: number; changed?: EstimateChange }
export interface TierChance { tier: string; percent: number }
export interface HoldView {
  booking_id: string;
  deadline_ms: number;
  /** Why the clock stands still, while it does; the deadline is then as far ahead as there is time left. */
  frozen?: string;
  seats: number;
  paying: boolean;
  declined?: boolean;
  can_extend?: boolean;
  exchange?: ExchangeState;
}
/** What is announced to everybody in line. Without texts: those told before. */
export interface Announcement { at_ms: number; texts?: Record<string, string> }
/** A signed head of the sale's log, in short. */
export interface ToldHead { seq: number; at_ms: number; key_id: string; hash: string }
export interface View {
  state: PlaceState;
  ahead: number;
  waiting: number;
  estimate?: Estimate;
  chances?: TierChance[];
  sold_out_for_you?: boolean;
  sale: SaleState;
  pause_reason?: string;
  announcement?: Announcement;
  log_head?: ToldHead;
  stopped?: boolean;
  opens_at_ms?: number;
  hold?: HoldView;
  /** Where fans pick: until when a standing party may look for seats. */
  shops_until_ms?: number;
  /** Why the clock stands still, while it does and no seats are held; `shops_until_ms` is then as far ahead as there is time left. */
  shops_frozen?: string;
  kept_until_ms?: number;
  question?: Question;
  booking_id?: string;
  changed_at_ms?: number;
  server_now_ms: number;
}
/** What a standing party is asked to take instead. */
export interface Question { seats: number; tiers: string[]; apart: boolean; until_ms: number }
export interface Heard { epoch: number; seq: Seq }
export interface PollAnswer extends Heard { view: View }

export interface BookedSeat { seat: number; label: string; tier: string; price_minor: number; fee_minor: number }
export interface Payment {
  attempt: number;
  state: string;
  pay_page?: string;
  provider_api?: string;
  intent?: string;
  client_secret?: string;
  decline_reason?: string;
}
export interface Ticket { ticket_id: string; seat: number; label: string; code: string; qr_svg: string; valid: boolean }
export interface Booking {
  booking_id: string;
  reference: string;
  event_id: string;
  sale_id: string;
  place_id: string;
  state: BookingState;
  seats: BookedSeat[];
  amount_minor: number;
  currency: string;
  deadline_ms: number;
  can_extend: boolean;
  exchange?: ExchangeState;
  email?: string;
  payment?: Payment;
  tickets?: Ticket[];
  server_now_ms: number;
}
export interface Bookings { bookings: Booking[] }
/** Seats that the promoter keeps back. */
export interface Block { block_id: string; label: string; note: string; made_at_ms: number; by: string; frees_at_ms?: number; seats: { seat: number; label: string; given?: boolean }[] }
export interface Blocks { blocks: Block[] }
/** Complimentary tickets; with the tickets for whom they were given to. */
export interface Gift { gift_id: string; event_id: string; reference: string; name: string; email: string; made_at_ms: number; by?: string; revoked_at_ms?: number; seats: string[]; tickets?: Ticket[] }
export interface Gifts { gifts: Gift[] }

export interface RampStep { at_ms: number; rate_per_minute: number }
export interface Ramp { steps: RampStep[]; between: "steps" | "linear" }
export interface Brake {
  p99_ms: number; errors_per_mille: number; least_samples: number; hold_off_ms: number;
  halvings_max: number; recover_every_ms: number; recover_percent: number;
}
export interface Tuning {
  rate_per_minute: number; max_active: number; target_per_minute?: number; grace_ms: number; presence_ms: number; ramp?: Ramp; brake?: Brake;
}
/** What is left out stays; null takes a target, a ramp or the brake away. */
export type ChangeTuning = { [K in keyof Tuning]?: Tuning[K] | null };
export interface Forecast {
  wait_p10_s: number | null; wait_p50_s: number | null; wait_p90_s: number | null;
  unreached: number; sold_out_at_ms: number | null; peak_per_minute: number; peak_active: number;
}
export interface Preview { without: Forecast; with: Forecast; moved: number; waiting: number; runs: number; took_ms: number; server_now_ms: number }
export interface SaleNumbers {
  joined: number; waiting: number; skipped: number; standing: number; holding: number;
  admitted_last_minute: number; admitted: number; paid: number; lapsed: number;
  seats_free: number; seats_held: number; seats_sold: number; seats_blocked?: number; capacity: number;
}
export interface AdmissionView {
  sale_id: string;
  state: SaleState;
  tuning: Tuning;
  /** What ramp and knobs bring into force now; 0 while everybody is held. */
  rate_in_force: number;
  brake: { factor: number; why?: string; since_ms?: number };
  pause_reason?: string;
  announcement?: Announcement;
  stop_reason?: string;
  clock: { acts: number; frozen?: { since_ms: number; reason: string; by?: string } };
  rate_version: number;
  numbers: SaleNumbers;
  server_now_ms: number;
}
export interface AuditLine { at_ms: number; account_id: string; email?: string; action: string; reason: string; change: unknown }

export type StepKind = "joined" | "drawn" | "transferred" | "skipped" | "admitted" | "held" | "booking_ended" | "removed" | "put_back" | "ended";
export interface PlaceStep {
  at_ms: number;
  step: StepKind;
  seen_at_ms?: number;
  booking_id?: string;
  deadline_ms?: number;
  how?: string;
  reason?: string;
  front?: boolean;
  account_id?: string;
}
export interface PlaceHistory { place_id: string; sale_id: string; entry: number; number: number; class: number; reason?: string; steps: PlaceStep[] }
export interface FoundPlace {
  place_id: string; support_code: string; entry: number; number: number; class: number; reason?: string;
  party: number; state: PlaceState; joined_at_ms: number; steps: PlaceStep[];
}
export interface TransferCode { code: string; expires_at_ms: number; server_now_ms: number }

export interface Code { code_id: string; prefix: string; label: string; class?: number; uses_max: number; uses: number; expires_at_ms?: number }
export interface MadeCode { code_id: string; code: string }
export interface Imported { imported: number; refused: number; faults?: string[] }
export interface EntryView {
  codes: number; uses_max: number; uses: number; invited: number;
  classes: { class: number; reason: string; joined: number; admitted: number }[];
}
export interface TierAvailability { tier: string; free: number; held: number; sold: number; blocked: number; capacity: number }
export interface SeatCounts { free: number; held: number; sold: number; blocked: number }
export interface AvailabilityHistory { parts: string[]; points: { at_ms: number; counts: SeatCounts[] }[] }
export interface Availability { tiers: TierAvailability[]; seats_version: number }

export interface Point { x: number; y: number }
export interface Stage extends Point { faces?: Point }
export interface MapTier { id: string; name: string; price_minor: number; fee_minor?: number; color?: string }
export interface MapSeat { label: string; tier: string; x?: number; y?: number; aisle_after?: boolean; accessible?: boolean; companion?: boolean; restricted_view?: string }
export interface MapRow { label: string; x?: number; y?: number; table?: boolean; seats: MapSeat[] }
/** A shape around the seats, which only drawings need. */
export interface MapShape {
  color?: string;
  border_color?: string;
  rotation?: number;
  position?: Point;
  polygon?: { points: Point[] };
  rectangle?: { width: number; height: number };
  ellipse?: { radius: Point };
  circle?: { radius: number };
  text?: { position: Point; text: string; color?: string; size?: number };
}
export interface MapSection { name: string; x?: number; y?: number; rows: MapRow[]; drawing?: { areas?: MapShape[] } }
export interface SeatMap {
  format: string;
  name: string;
  stage?: Stage;
  tiers: MapTier[];
  sections?: MapSection[];
  standing?: { name: string; tier: string; capacity: number }[];
}

/** The seats that the fan wants to hold from now on, all or none, by their places in the map's order. */
export interface PickSeats { seats: number[] }
export interface PickedSeats { booking_id: string; seats: number[]; deadline_ms: number; server_now_ms: number }
/** With 409 `seats-taken`: which cannot be had, and as many as were asked for that were free just now. */
export interface SeatsTaken extends ProblemBody { taken: number[]; nearest: number[] }
/** One bit per seat, the lowest of a byte first; 1 cannot be had. */
export interface SeatsNow { version: number; capacity: number; bits: string }
/** What moved after one version, up to another. It may be applied to any state between the two. */
export interface SeatsMoved { after: number; upto: number; taken: number[]; freed: number[] }
export type TakenSeats = SeatsMoved | SeatsNow;

export interface DrawView { stage: "committed" | "closed" | "drawn"; beacon?: string; chain?: string; round?: number; round_at_ms?: number; unprovable_from_ms?: number; size: number }

export interface SeatsFound { by: "together_no_single" | "together" | "split_nobody_alone" | "apart" | "other_tier" | "fewer"; parties: number; split: number; groups: number; new_singles: number; quality: number }
export interface FairnessReport {
  sale_id: string;
  name: string;
  over: boolean;
  as_of_ms: number;
  waits: { minute_ms: number; joined: number; admitted: number; p10_ms?: number; p50_ms?: number; p90_ms?: number }[];
  longest_wait_ms?: number;
  classes: { class: number; joined: number; admitted: number; skipped: number; no_shows: number; left: number; inserted: number; lapsed: number }[];
  passed_while_absent: number;
  /** `action` is "put", "insert" or "remove". */
  exceptions: { at_ms: number; version: number; entry: number; action: string; class_before: number; class: number; reason?: string }[];
  /** `kind` is "extend" or "freeze". */
  clock?: { kind: string; began_at_ms: number; ended_at_ms?: number; extra_ms: number; reason?: string }[];
  busiest?: { ended_at_ms: number; admitted: number; rate_per_minute: number };
  estimates?: { count: number; within: number; sooner: number; later: number; median_error?: number };
  seating?: { capacity: number; free: number; lone: number; lone_share: number; found: SeatsFound[] };
  draw?: { size: number; chi_square: number; degrees: number; deviate: number };
}
