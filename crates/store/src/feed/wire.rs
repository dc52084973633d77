//! How records are written in the event's stream.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Change, Lane, LaneKind, Record};

#[derive(Serialize, Deserialize)]
struct Wire {
    s: Uuid,
    l: LaneKind,
    v: i64,
    t: i64,
    c: Vec<Change>,
}

impl Record {
    pub(crate) fn encode(&self) -> String {
        let wire =
            Wire { s: self.lane.scope, l: self.lane.kind, v: self.version, t: self.at_ms, c: self.changes.clone() };
        serde_json::to_string(&wire).expect("plain fields encode")
    }

    pub(crate) fn decode(text: &str) -> Option<Self> {
        let wire: Wire = serde_json::from_str(text).ok()?;
        Some(Self { lane: Lane { scope: wire.s, kind: wire.l }, version: wire.v, at_ms: wire.t, changes: wire.c })
    }
}

/// Whether a field need not be written.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

pub(super) mod hex_seed {
    //! 32 bytes as hexadecimal digits.

    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(seed: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(seed))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let mut seed = [0; 32];
        hex::decode_to_slice(String::deserialize(deserializer)?, &mut seed).map_err(D::Error::custom)?;
        Ok(seed)
    }
}
