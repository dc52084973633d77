//! Events and sales: what a promoter sets up and everybody can read.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{EventId, OrganisationId, SaleId};

/// Whether strangers can see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Publication {
    /// Only the organisation's members see it.
    Draft,
    /// Everybody sees it.
    Published,
}

/// When wheelchair places and their companions' seats, kept for parties that need one, are anybody's: once nothing else of the same
/// … is free or held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccessibleRelease {
    /// House, standing areas included.
    House,
    /// Section.
    Section,
    /// Tier, so price level; a companion's seat also waits for the tiers of the wheelchair places of its section.
    Tier,
    /// They are never released: the sale goes on for those who need one when it is sold out for everybody else.
    Never,
}

/// `POST /v1/organisations/{organisation}/events` and `PUT /v1/events/{event}` (with `If-Match`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventDraft {
    /// 1 to 200 characters.
    pub name: String,
    /// Where it takes place; 1 to 200 characters.
    pub venue: String,
    /// When it starts, in milliseconds since 1970.
    pub starts_at_ms: i64,
    /// The venue's IANA time zone, for example `Europe/Berlin`.
    pub time_zone: String,
    /// ISO 4217, for example `EUR`.
    pub currency: String,
    /// When kept seats are released. May change at any time; left out, `house` for a new event, and as it was for an edited one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accessible_release: Option<AccessibleRelease>,
    /// How many tickets one fan, or one e-mail address, may have over all sales of the event: 1 to 1,000; left out, as many as they
    /// get. Who has more when it is lowered keeps them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tickets_per_person: Option<u16>,
}

/// An event as everybody may read it. The `ETag` is its version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Its identifier.
    pub event_id: EventId,
    /// Who owns it.
    pub organisation_id: OrganisationId,
    /// What the promoter wrote.
    #[serde(flatten)]
    pub draft: EventDraft,
    /// Draft or published.
    pub publication: Publication,
    /// Counts edits; the `ETag`.
    pub version: i64,
    /// Its tiers, empty until a seat map is imported.
    pub tiers: Vec<Tier>,
    /// Sellable units: seats and standing places.
    pub capacity: u32,
    /// Its sales, oldest first.
    pub sales: Vec<Sale>,
}

/// A price tier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Tier {
    /// The promoter's short name for it, unique in the event.
    pub id: String,
    /// What fans read.
    pub name: String,
    /// Price of one ticket in minor units of the event's currency, fee not included.
    pub price_minor: i64,
    /// Fee per ticket in minor units.
    pub fee_minor: i64,
    /// Sellable units in this tier.
    pub capacity: u32,
}

/// Who may join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// Accounts and signed anonymous visitors.
    #[default]
    Open,
    /// Accounts only.
    Account,
    /// Whoever has an access code.
    Code,
    /// Accounts whose e-mail address is on the sale's list.
    Invited,
}

/// Who goes before whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ordering {
    /// Those of the lobby by a draw, later ones behind them as they come.
    #[default]
    DrawThenFifo,
    /// Everybody as they come, in the lobby too.
    Fifo,
    /// Only those of the lobby, by a draw; nobody joins later.
    DrawOnly,
    /// Whoever is on a list of invitations goes first, class by class; within a class as in `draw_then_fifo`.
    InvitedFirst,
}

/// Where the draw of a lobby gets its randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Beacon {
    /// From a public beacon, as the installation is set up; anybody can check that nobody chose it.
    #[default]
    Public,
    /// From nowhere but the secret committed to: the draw says that it proves nothing.
    None,
}

/// Who chooses the seats of those let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Seating {
    /// The system: the best that fit each party's wishes, in the line's order.
    #[default]
    Assign,
    /// The fans themselves, on the live seat map: the line governs who may.
    Pick,
}

/// `POST /v1/events/{event}/sales` and `PUT /v1/sales/{sale}` (with `If-Match`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SaleDraft {
    /// 1 to 100 characters, for example `General sale`.
    pub name: String,
    /// When the lobby opens, in milliseconds since 1970; without it there is none, and joining begins with admission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lobby_opens_at_ms: Option<i64>,
    /// When admission begins: after the draw, if there is a lobby and its places are drawn.
    pub opens_at_ms: i64,
    /// When joining ends.
    pub closes_at_ms: i64,
    /// Until when those who wait at the close are let in; without it the wait ends at the close.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ends_at_ms: Option<i64>,
    /// Who goes before whom.
    #[serde(default)]
    pub ordering: Ordering,
    /// Who may join.
    #[serde(default)]
    pub entry: Entry,
    /// Who chooses the seats; fixed once the sale is published.
    #[serde(default)]
    pub seating: Seating,
    /// Where fans pick: how long one who was let in may look for seats until the first are held, in milliseconds: 10,000 to 3,600,000.
    #[serde(default = "default_shop_ms")]
    pub shop_ms: i64,
    /// Tickets per place: 1 to 8.
    #[serde(default = "default_party_max")]
    pub party_max: u8,
    /// Fans let in per minute: 1 to 600,000.
    #[serde(default = "default_rate")]
    pub rate_per_minute: u32,
    /// How many may be admitted, holding or paying at once: 1 to 1,000,000.
    #[serde(default = "default_max_active")]
    pub max_active: u32,
    /// How long seats are held, in milliseconds: 2,000 to 3,600,000.
    #[serde(default = "default_hold_ttl_ms")]
    pub hold_ttl_ms: i64,
    /// By how much a hold is extended, once, when paying starts or the fan asks, in milliseconds: 0 to 1,800,000.
    #[serde(default = "default_extension_ms")]
    pub extension_ms: i64,
    /// How long an absent fan keeps the head of the line before being skipped, in milliseconds: 0 to 3,600,000.
    #[serde(default = "default_grace_ms")]
    pub grace_ms: i64,
    /// How long after a socket's or a poll's last sign a fan counts as present, in milliseconds: 5,000 to 600,000.
    #[serde(default = "default_presence_ms")]
    pub presence_ms: i64,
    /// How long free seats are kept, once, for a party at the head that they alone do not fit, while held ones may come free too, in
    /// milliseconds: 0 to 600,000. Afterwards they go to those behind it.
    #[serde(default = "default_gather_ms")]
    pub gather_ms: i64,
    /// How long a fan whom nothing fits any more may think about what else is left, in milliseconds: 2,000 to 600,000.
    #[serde(default = "default_answer_ms")]
    pub answer_ms: i64,
    /// Whether a fan whose place ended without tickets may join again, at the back.
    #[serde(default = "yes")]
    pub rejoin: bool,
    /// How many of the event's seats it may have held or sold at once: 1 to 1,000,000. Without it, all; then no other sale of the
    /// event may let people in at the same time. What it has not sold when it ends is free for the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allotment: Option<u32>,
    /// Where the draw of the lobby gets its randomness. Fixed once the lobby has opened, since it is published then.
    #[serde(default)]
    pub beacon: Beacon,
    /// If the public randomness is not had this many seconds after it was due, 60 to 86,400, the draw goes on without it and publicly
    /// says that it proves nothing. Without this, it waits. Fixed once the lobby has opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unprovable_after_s: Option<u32>,
}

const fn default_party_max() -> u8 {
    6
}
const fn default_rate() -> u32 {
    600
}
const fn default_max_active() -> u32 {
    1_000
}
const fn default_hold_ttl_ms() -> i64 {
    300_000
}
const fn default_extension_ms() -> i64 {
    180_000
}
const fn default_grace_ms() -> i64 {
    60_000
}
const fn default_presence_ms() -> i64 {
    120_000
}
const fn default_gather_ms() -> i64 {
    15_000
}
const fn default_shop_ms() -> i64 {
    300_000
}

const fn default_answer_ms() -> i64 {
    45_000
}
const fn yes() -> bool {
    true
}

/// What a sale is doing, derived from its windows, its tuning and its seats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SaleState {
    /// Not published.
    Draft,
    /// Published; nobody can join yet.
    Scheduled,
    /// Fans gather without numbers.
    Lobby,
    /// The lobby is closed; its numbers are being drawn.
    Drawing,
    /// People are let in.
    Open,
    /// An operator holds everybody; places are kept.
    Paused,
    /// Nobody joins any more; who stands in line is still let in.
    Closing,
    /// Its wait is over.
    Closed,
    /// Every seat, or every one of its allotment, is sold and paid.
    SoldOut,
}

/// A sale as everybody may read it. The `ETag` is its version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Sale {
    /// Its identifier.
    pub sale_id: SaleId,
    /// The event whose seats it sells.
    pub event_id: EventId,
    /// What the promoter wrote.
    #[serde(flatten)]
    pub draft: SaleDraft,
    /// Draft or published.
    pub publication: Publication,
    /// What it is doing now.
    pub state: SaleState,
    /// Why it is paused, as told to fans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_reason: Option<String>,
    /// Whether it is not paused but stopped: nobody joins either, until an operator starts it again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
    /// Counts edits; the `ETag`.
    pub version: i64,
    /// The server's clock when this was answered.
    pub server_now_ms: i64,
}
