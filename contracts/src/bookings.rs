//! Bookings, payments and tickets as the fan and the promoter see them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{BookingId, EventId, PlaceId, SaleId, TicketId};
use crate::places::Wishes;

/// Where a booking is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BookingState {
    /// Seats are held until the deadline.
    Held,
    /// A payment attempt is open.
    Paying,
    /// The money is authorised, the seats are ours to sell, the capture is under way.
    Capturing,
    /// Captured; tickets issued.
    Paid,
    /// Ended: the deadline passed unpaid.
    Lapsed,
    /// Ended: given back.
    Released,
    /// Ended: the payment could not be completed.
    Failed,
    /// Ended: the money went back.
    Refunded,
}

/// Whether held seats may be exchanged for others, which is done once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExchangeState {
    /// The fan may ask for others.
    Possible,
    /// Others are looked for. The seats stay the fan's until the others are.
    Looking,
    /// None were to be had when they were looked for last. The fan may ask again, a few times.
    Nothing,
    /// These are the others.
    Done,
}

/// `POST /v1/bookings/{booking}/exchange`: as many other seats, instead of those held.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskExchange {
    /// Which ones. Fewer are never given, so `fewer` is refused.
    #[serde(default)]
    pub wishes: Wishes,
    /// Whether none of the sections will do in which seats are held now.
    #[serde(default)]
    pub elsewhere: bool,
}

/// `GET /v1/bookings/{booking}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Booking {
    /// Its identifier.
    pub booking_id: BookingId,
    /// A short code to find it again, with the e-mail address.
    pub reference: String,
    /// The event.
    pub event_id: EventId,
    /// The sale.
    pub sale_id: SaleId,
    /// The place the seats were held for.
    pub place_id: PlaceId,
    /// Where it is on its way.
    pub state: BookingState,
    /// The seats, in order.
    pub seats: Vec<BookedSeat>,
    /// The whole price in minor units, fees included, frozen when the seats were held, or exchanged for these.
    pub amount_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// When the hold ends, while it matters. While the clock stands still it is as far ahead as there is time left.
    pub deadline_ms: i64,
    /// Whether the one extension is still to be had.
    pub can_extend: bool,
    /// Whether the seats may be exchanged for others, while they are held and not being paid for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<ExchangeState>,
    /// Where tickets and news are sent; needed before paying.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The newest payment attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<Payment>,
    /// The tickets, once paid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tickets: Vec<Ticket>,
    /// The server's clock when this was answered.
    pub server_now_ms: i64,
}

/// A seat in a booking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BookedSeat {
    /// Its ordinal in the event.
    pub seat: u32,
    /// What people read: section, row and seat, or the standing area.
    pub label: String,
    /// Its tier's id.
    pub tier: String,
    /// Price in minor units, fee not included.
    pub price_minor: i64,
    /// Fee in minor units.
    pub fee_minor: i64,
}

/// `POST /v1/bookings/{booking}/pay`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Pay {
    /// Where tickets go. Required for visitors; accounts may leave it out to use their own.
    #[serde(default)]
    pub email: Option<String>,
}

/// A payment attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Payment {
    /// 1 for the first.
    pub attempt: u16,
    /// Where it is: `created`, `open`, `declined`, `authorised`, `captured`, `cancelled`, `failed`, `refunded`.
    pub state: String,
    /// The provider's page for entering the card; it needs `client_secret` in its fragment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pay_page: Option<String>,
    /// The provider's API, for clients that confirm by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_api: Option<String>,
    /// The provider's identifier of the intent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<String>,
    /// Lets the fan's page, and nobody else, confirm this intent. Only in the answer to `pay`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// Why the last card was declined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decline_reason: Option<String>,
}

/// A ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ticket {
    /// Its identifier.
    pub ticket_id: TicketId,
    /// The seat it is for.
    pub seat: u32,
    /// What people read.
    pub label: String,
    /// The signed code that the gate scans.
    pub code: String,
    /// The code as a QR picture (SVG).
    pub qr_svg: String,
    /// Whether it is good still. Its code verifies all the same: a refund or a revocation is not in it.
    pub valid: bool,
}

/// `GET /v1/bookings`: the asker's own, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Bookings {
    /// The bookings.
    pub bookings: Vec<Booking>,
}

/// `POST /v1/bookings/find`: finding a booking again without the token that made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FindBooking {
    /// The address given when paying.
    pub email: String,
    /// The booking's reference.
    pub reference: String,
}
