//! Identifiers as they travel: a UUIDv7 with a prefix that says what it names. An identifier is never a secret.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// Why a text is not an identifier of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an identifier like {prefix}_019a7c2e5f3b7c1d8e9f0a1b2c3d4e5f, got {got:?}")]
pub struct IdFault {
    prefix: &'static str,
    got: String,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Uuid);

        impl $name {
            /// What stands before the underscore.
            pub const PREFIX: &'static str = $prefix;
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdFault;
            fn from_str(text: &str) -> Result<Self, IdFault> {
                text.strip_prefix(concat!($prefix, "_"))
                    .filter(|hex| hex.len() == 32)
                    .and_then(|hex| Uuid::try_parse(hex).ok())
                    .map(Self)
                    .ok_or_else(|| IdFault { prefix: $prefix, got: text.chars().take(64).collect() })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some(concat!("^", $prefix, "_[0-9a-f]{32}$")))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    )*};
}

ids! {
    /// An account: a person who signs in.
    AccountId = "acc";
    /// A fan: an account or a signed anonymous visitor, seen from the line.
    FanId = "fan";
    /// An organisation that owns events.
    OrganisationId = "org";
    /// A concert, match or show.
    EventId = "evt";
    /// One on-sale window of an event.
    SaleId = "sal";
    /// An access code of a sale; the code itself is another thing, and secret.
    CodeId = "cod";
    /// One fan's place in a sale's line.
    PlaceId = "plc";
    /// Seats that a promoter keeps back together.
    BlockId = "blk";
    /// Tickets that a promoter gives without payment.
    GiftId = "gft";
    /// The order around a hold.
    BookingId = "bkg";
    /// The right to enter the venue.
    TicketId = "tkt";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_the_wire_and_refuses_another_kind() {
        let id = PlaceId(Uuid::from_u128(0x019a_7c2e_5f3b_7c1d_8e9f_0a1b_2c3d_4e5f));
        let text = serde_json::to_string(&id).unwrap();
        assert_eq!(text, r#""plc_019a7c2e5f3b7c1d8e9f0a1b2c3d4e5f""#);
        assert_eq!(serde_json::from_str::<PlaceId>(&text).unwrap(), id);
        let fault = serde_json::from_str::<BookingId>(&text).unwrap_err().to_string();
        assert!(fault.contains("bkg_"), "{fault}");
    }
}
