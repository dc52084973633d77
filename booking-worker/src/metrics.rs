//! The role's metrics.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};

/// Events whose seating this process holds.
pub const SEATING_OFFICES: &str = "usher_seating_offices";
/// Admitted places without seats, of the events held here.
pub const SEATING_STANDING: &str = "usher_seating_standing_places";
/// Places that got seats.
pub const SEATING_HELD_TOTAL: &str = "usher_seating_holds_total";
/// Choices that somebody else was faster with.
pub const SEATING_REFUSED_TOTAL: &str = "usher_seating_refused_total";
/// Places told that nothing fits any more.
pub const SEATING_UNSERVED_TOTAL: &str = "usher_seating_unserved_total";
/// Places asked what else they would take.
pub const SEATING_ASKED_TOTAL: &str = "usher_seating_asked_total";
/// Holds that got other seats for those they had.
pub const SEATING_EXCHANGED_TOTAL: &str = "usher_seating_exchanged_total";
/// Holds whose fans asked for other seats when none were to be had.
pub const SEATING_NOT_EXCHANGED_TOTAL: &str = "usher_seating_not_exchanged_total";
/// From being let in to seats held.
pub const SEATING_WAIT_SECONDS: &str = "usher_seating_wait_seconds";
/// From seats coming free to the next offer.
pub const SEATING_REOFFER_SECONDS: &str = "usher_seating_reoffer_seconds";
/// One batch of choices: choosing and committing.
pub const SEATING_BATCH_SECONDS: &str = "usher_seating_batch_seconds";
/// Times this process lost an office it held.
pub const SEATING_LOST_TOTAL: &str = "usher_seating_lost_total";

/// Looks at payments. Label: `outcome` (`settled`, `open`, `failed`, `late`).
pub const PAYMENT_LOOKS_TOTAL: &str = "usher_payment_looks_total";
/// Payments and refunds in hand now.
pub const PAYMENTS_IN_HAND: &str = "usher_payments_in_hand";
/// Bookings that got their tickets.
pub const TICKETED_TOTAL: &str = "usher_bookings_paid_total";
/// Captured money that bought no tickets and goes back by itself.
pub const UNUSABLE_TOTAL: &str = "usher_payments_unusable_total";
/// Refunds carried out.
pub const REFUNDS_TOTAL: &str = "usher_refunds_total";
/// Refunds that the provider refused: somebody must look.
pub const REFUNDS_REFUSED_TOTAL: &str = "usher_refunds_refused_total";
/// Holds whose seats were freed because their payment stayed unresolved for too long.
pub const PINS_OVER_TOTAL: &str = "usher_payment_pins_over_total";

/// Calls of the provider. Labels: `step`, `outcome`.
pub const PROVIDER_CALLS_TOTAL: &str = "usher_provider_calls_total";
/// How long they took. Label: `step`.
pub const PROVIDER_CALL_SECONDS: &str = "usher_provider_call_duration_seconds";
/// 1 while the provider is believed away and only asked once a second.
pub const PROVIDER_CIRCUIT_OPEN: &str = "usher_provider_circuit_open";
/// Webhooks. Label: `outcome`: `due` (a payment is looked at), `noted` (already captured, or unknown as yet), `ignored`,
/// `forged`, `failed`.
pub const WEBHOOKS_TOTAL: &str = "usher_webhooks_total";
/// Attempts to find a booking that were too many.
pub const FINDS_LIMITED_TOTAL: &str = "usher_booking_finds_limited_total";

pub(crate) fn describe() {
    once::describe();
    describe_gauge!(SEATING_OFFICES, Unit::Count, "Events whose seating this process holds.");
    describe_gauge!(SEATING_STANDING, Unit::Count, "Admitted places without seats, of the events held here.");
    describe_counter!(SEATING_HELD_TOTAL, Unit::Count, "Places that got seats.");
    describe_counter!(SEATING_REFUSED_TOTAL, Unit::Count, "Choices that somebody else was faster with.");
    describe_counter!(SEATING_UNSERVED_TOTAL, Unit::Count, "Places told that nothing fits any more.");
    describe_counter!(SEATING_ASKED_TOTAL, Unit::Count, "Places asked what else they would take.");
    describe_counter!(SEATING_EXCHANGED_TOTAL, Unit::Count, "Holds that got other seats for those they had.");
    describe_counter!(SEATING_NOT_EXCHANGED_TOTAL, Unit::Count, "Holds for which no other seats were to be had.");
    describe_histogram!(SEATING_WAIT_SECONDS, Unit::Seconds, "From being let in to seats held.");
    describe_histogram!(SEATING_REOFFER_SECONDS, Unit::Seconds, "From seats coming free to the next offer.");
    describe_histogram!(SEATING_BATCH_SECONDS, Unit::Seconds, "One batch of choices: choosing and committing.");
    describe_counter!(SEATING_LOST_TOTAL, Unit::Count, "Times this process lost an office it held.");
    describe_counter!(PAYMENT_LOOKS_TOTAL, Unit::Count, "Looks at payments, by outcome.");
    describe_gauge!(PAYMENTS_IN_HAND, Unit::Count, "Payments and refunds in hand now.");
    describe_counter!(TICKETED_TOTAL, Unit::Count, "Bookings that got their tickets.");
    describe_counter!(UNUSABLE_TOTAL, Unit::Count, "Captured money that bought no tickets and goes back by itself.");
    describe_counter!(REFUNDS_TOTAL, Unit::Count, "Refunds carried out.");
    describe_counter!(REFUNDS_REFUSED_TOTAL, Unit::Count, "Refunds that the provider refused.");
    describe_counter!(PINS_OVER_TOTAL, Unit::Count, "Holds freed with their payment still unresolved.");
    describe_counter!(PROVIDER_CALLS_TOTAL, Unit::Count, "Calls of the payment provider, by step and outcome.");
    describe_histogram!(PROVIDER_CALL_SECONDS, Unit::Seconds, "How long calls of the payment provider took.");
    describe_gauge!(PROVIDER_CIRCUIT_OPEN, Unit::Count, "1 while the payment provider is only probed.");
    describe_counter!(WEBHOOKS_TOTAL, Unit::Count, "Webhooks, by outcome.");
    describe_counter!(FINDS_LIMITED_TOTAL, Unit::Count, "Attempts to find a booking that were too many.");

    // A counter that appears only with its first event cannot be told from one that is not there at all.
    for name in [
        SEATING_HELD_TOTAL,
        SEATING_REFUSED_TOTAL,
        SEATING_UNSERVED_TOTAL,
        SEATING_ASKED_TOTAL,
        SEATING_EXCHANGED_TOTAL,
        SEATING_NOT_EXCHANGED_TOTAL,
        SEATING_LOST_TOTAL,
        TICKETED_TOTAL,
        UNUSABLE_TOTAL,
        REFUNDS_TOTAL,
        REFUNDS_REFUSED_TOTAL,
        PINS_OVER_TOTAL,
        FINDS_LIMITED_TOTAL,
    ] {
        counter!(name).absolute(0);
    }
    for outcome in ["settled", "open", "failed", "late"] {
        counter!(PAYMENT_LOOKS_TOTAL, "outcome" => outcome).absolute(0);
    }
    for outcome in ["due", "noted", "ignored", "forged", "failed"] {
        counter!(WEBHOOKS_TOTAL, "outcome" => outcome).absolute(0);
    }
    for name in [SEATING_OFFICES, SEATING_STANDING, PAYMENTS_IN_HAND, PROVIDER_CIRCUIT_OPEN] {
        gauge!(name).set(0.0);
    }
}
