//! Public randomness: which round of a chain a draw takes, and whether a signature is that round's.
//!
//! A chain is one of drand's unchained networks with signatures on G1 (scheme `bls-unchained-g1-rfc9380`): round `n` is the BLS
//! signature of SHA-256(`n` as 8 bytes, big-endian), and its randomness is SHA-256(signature). Nobody who holds less than the
//! threshold of the network's keys can know it before its time, and nobody can choose it.

use std::num::NonZeroU32;

use blst::BLST_ERROR;
use blst::min_sig::{PublicKey, SecretKey, Signature};
use serde::{Deserialize, Serialize};

use super::Hex;
use super::hash::sha256;

/// The domain of the hash to the curve (RFC 9380), as drand's networks set it.
const DOMAIN: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";
/// How many rounds before and after are tried, to say of a wrong signature which round's it is.
const NEAR: u64 = 20;

/// Why something is not the randomness of the round asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BeaconError {
    /// Not the encoding of a point that a signature can be.
    #[error("not a beacon's signature: {0}")]
    MalformedSignature(String),
    /// Signed by the chain, but for another round.
    #[error("this is the signature of round {got}; the rule asks for round {expected}")]
    WrongRound {
        /// The round asked for.
        expected: u64,
        /// The round signed.
        got: u64,
    },
    /// Well-formed, but not by this key.
    #[error("the key of chain {chain} did not sign round {round} so: another key's or another chain's signature")]
    WrongKey {
        /// The chain's name.
        chain: String,
        /// The round asked for.
        round: u64,
    },
    /// The chain's public key is no key.
    #[error("the public key of chain {chain} is not a key: {what}")]
    MalformedKey {
        /// The chain's name.
        chain: String,
        /// What is wrong with it.
        what: String,
    },
    /// The chain's hash is not the hash of its parameters.
    #[error("chain {chain} calls itself {stated}, but its parameters hash to {computed}")]
    WrongChainHash {
        /// The chain's name.
        chain: String,
        /// The hash it states.
        stated: Hex<32>,
        /// The hash of what it states.
        computed: Hex<32>,
    },
    /// The round's randomness is not the hash of its signature.
    #[error("the randomness of round {round} is {computed}, not {stated}")]
    WrongRandomness {
        /// The round.
        round: u64,
        /// What was claimed.
        stated: Hex<32>,
        /// SHA-256 of the signature.
        computed: Hex<32>,
    },
}

/// A chain's parameters, as its `/info` publishes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// drand's beacon id.
    pub name: String,
    /// Hash of all the others; see [`Self::computed_hash`].
    pub hash: Hex<32>,
    /// A point on G2, compressed.
    pub public_key: Hex<96>,
    /// Seconds from round to round.
    pub period_s: NonZeroU32,
    /// When round 1 was made, seconds since 1970.
    pub genesis_s: i64,
    /// Hash of the group of nodes that began the chain.
    pub group_hash: Hex<32>,
}

impl Chain {
    /// The League of Entropy's quicknet, one round every three seconds since 23 August 2023.
    ///
    /// Source: `https://api.drand.sh/52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971/info`.
    pub fn quicknet() -> Self {
        const HASH: &str = "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971";
        const KEY: &str = "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451\
                           0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a";
        const GROUP: &str = "f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e";
        let literal = "a literal of the right length";
        Self {
            name: "quicknet".to_owned(),
            hash: Hex::parse(HASH).expect(literal),
            public_key: Hex::parse(KEY).expect(literal),
            period_s: NonZeroU32::new(3).expect(literal),
            genesis_s: 1_692_803_367,
            group_hash: Hex::parse(GROUP).expect(literal),
        }
    }

    /// Whether this is, in every parameter, a public chain that this code knows; only such a one makes a draw provable.
    pub fn is_public(&self) -> bool {
        *self == Self::quicknet()
    }

    /// drand's chain hash: SHA-256(period, 4 bytes ‖ genesis, 8 bytes ‖ public key ‖ group hash ‖ name), integers big-endian.
    pub fn computed_hash(&self) -> [u8; 32] {
        sha256(&[
            &self.period_s.get().to_be_bytes(),
            &self.genesis_s.to_be_bytes(),
            &self.public_key.0,
            &self.group_hash.0,
            self.name.as_bytes(),
        ])
    }

    /// The first round made at or after a time, given in milliseconds since 1970; 1 for times before the chain.
    pub fn round_at_or_after(&self, time_ms: i64) -> u64 {
        let since_ms = u64::try_from(i128::from(time_ms) - i128::from(self.genesis_s) * 1_000).unwrap_or(0);
        since_ms.div_ceil(u64::from(self.period_s.get()) * 1_000) + 1
    }

    /// When a round is made, in milliseconds since 1970.
    pub fn time_of_ms(&self, round: u64) -> i64 {
        let since_s = i128::from(round.saturating_sub(1)) * i128::from(self.period_s.get());
        i64::try_from((i128::from(self.genesis_s) + since_s) * 1_000).unwrap_or(i64::MAX)
    }
}

/// The round that a draw takes: the first at or after `delay_s` seconds after the lobby's close.
pub fn round_after_close(chain: &Chain, closed_ms: i64, delay_s: u32) -> u64 {
    chain.round_at_or_after(closed_ms.saturating_add(i64::from(delay_s) * 1_000))
}

/// The randomness of `round`, if `signature` is this chain's signature of it.
pub fn verify(chain: &Chain, round: u64, signature: &[u8]) -> Result<[u8; 32], BeaconError> {
    let computed = Hex(chain.computed_hash());
    if computed != chain.hash {
        return Err(BeaconError::WrongChainHash { chain: chain.name.clone(), stated: chain.hash, computed });
    }
    let key = PublicKey::uncompress(&chain.public_key.0)
        .and_then(|key| key.validate().map(|()| key))
        .map_err(|fault| BeaconError::MalformedKey { chain: chain.name.clone(), what: words(fault).to_owned() })?;
    if signature.len() != 48 {
        let what = format!("{} bytes; a signature on G1 has 48", signature.len());
        return Err(BeaconError::MalformedSignature(what));
    }
    let point = Signature::uncompress(signature)
        .and_then(|point| point.validate(true).map(|()| point))
        .map_err(|fault| BeaconError::MalformedSignature(words(fault).to_owned()))?;
    if signs(&key, round, &point) {
        return Ok(sha256(&[signature]));
    }
    // The round beside is the commonest mistake, and deserves its own words.
    match (round.saturating_sub(NEAR).max(1)..=round.saturating_add(NEAR)).find(|near| signs(&key, *near, &point)) {
        Some(got) => Err(BeaconError::WrongRound { expected: round, got }),
        None => Err(BeaconError::WrongKey { chain: chain.name.clone(), round }),
    }
}

fn signs(key: &PublicKey, round: u64, point: &Signature) -> bool {
    point.verify(false, &message(round), DOMAIN, &[], key, false) == BLST_ERROR::BLST_SUCCESS
}

fn message(round: u64) -> [u8; 32] {
    sha256(&[&round.to_be_bytes()])
}

fn words(fault: BLST_ERROR) -> &'static str {
    match fault {
        BLST_ERROR::BLST_BAD_ENCODING => "not a compressed point",
        BLST_ERROR::BLST_POINT_NOT_ON_CURVE => "not on the curve",
        BLST_ERROR::BLST_POINT_NOT_IN_GROUP => "not in the curve's group",
        BLST_ERROR::BLST_PK_IS_INFINITY => "the point at infinity",
        _ => "refused",
    }
}

/// A chain whose secret key is held here: for tests, and for demonstrations without a network. It proves nothing, since whoever
/// holds the key knows every round beforehand; [`Chain::is_public`] is false of it.
pub struct LocalChain {
    key: SecretKey,
    chain: Chain,
}

impl LocalChain {
    /// The chain that a seed makes, its round 1 at `genesis_s` seconds since 1970, then one every `period_s` seconds.
    pub fn new(name: &str, seed: &[u8; 32], genesis_s: i64, period_s: NonZeroU32) -> Self {
        let key = SecretKey::key_gen(seed, b"usher local chain").expect("32 bytes are enough");
        let mut chain = Chain {
            name: name.to_owned(),
            hash: Hex([0; 32]),
            public_key: Hex(key.sk_to_pk().compress()),
            period_s,
            genesis_s,
            group_hash: Hex(sha256(&[b"usher local chain\n", name.as_bytes()])),
        };
        chain.hash = Hex(chain.computed_hash());
        Self { key, chain }
    }

    /// Its parameters.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The signature of a round, whatever the time.
    pub fn sign(&self, round: u64) -> [u8; 48] {
        self.key.sign(&message(round), DOMAIN, &[]).compress()
    }
}

impl std::fmt::Debug for LocalChain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalChain").field("chain", &self.chain).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // Published by drand; 1000 and 1001 also in Ideal Labs' tests, 657413 in drand-verify's.
    const ROUNDS: [(u64, &str, &str); 2] = [
        (
            1_000,
            "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39",
            "fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd",
        ),
        (
            657_413,
            "b713718a38ae728dfd477991af2822e08d2f305e47718cef9f7848ce4050e7be41076862b98fad56e91a6b85b89cd97b",
            "fc1873a13f3545aeade8401532ef5519920652eee6b0d2b19ca12643b87b3587",
        ),
    ];
    const ROUND_1001: &str =
        "b33bf3667cbd5a82de3a24b4e0e9fe5513cc1a0e840368c6e31f5fcfa79bea03f73896b25883abf2853d10337fb8fa41";

    fn signature(hex: &str) -> [u8; 48] {
        Hex::parse(hex).unwrap().0
    }

    #[test]
    fn rounds_of_quicknet_verify_and_give_their_published_randomness() {
        let chain = Chain::quicknet();
        for (round, hex, randomness) in ROUNDS {
            assert_eq!(
                verify(&chain, round, &signature(hex)).map(|bytes| Hex(bytes).to_string()),
                Ok(randomness.into())
            );
        }
        assert!(verify(&chain, 1_001, &signature(ROUND_1001)).is_ok());
        assert!(chain.is_public());
    }

    #[test]
    fn another_round_another_key_and_another_chain_are_told_apart() {
        let chain = Chain::quicknet();
        assert_eq!(
            verify(&chain, 1_000, &signature(ROUND_1001)),
            Err(BeaconError::WrongRound { expected: 1_000, got: 1_001 })
        );
        // Too far away to be recognised: then it is only known not to be this one.
        let far = verify(&chain, 1_000, &signature(ROUNDS[1].1));
        assert_eq!(far, Err(BeaconError::WrongKey { chain: "quicknet".into(), round: 1_000 }));
        let local = LocalChain::new("mine", &[1; 32], chain.genesis_s, chain.period_s);
        assert!(!local.chain().is_public());
        assert_eq!(verify(&chain, 1_000, &local.sign(1_000)), far);
        assert!(matches!(verify(local.chain(), 1_000, &signature(ROUNDS[0].1)), Err(BeaconError::WrongKey { .. })));
        // A key passed off as quicknet's.
        let forged = Chain { public_key: local.chain().public_key, ..chain.clone() };
        assert!(!forged.is_public());
        assert!(matches!(verify(&forged, 1_000, &local.sign(1_000)), Err(BeaconError::WrongChainHash { .. })));
    }

    #[test]
    fn malformed_signatures_and_keys_say_what_is_wrong_with_them() {
        let chain = Chain::quicknet();
        let said = |bytes: &[u8]| verify(&chain, 1_000, bytes).unwrap_err().to_string();
        let right = signature(ROUNDS[0].1);
        assert!(said(&right[..47]).contains("47 bytes"), "{}", said(&right[..47]));
        assert!(said(&[right, right].concat()).contains("96 bytes"));
        assert!(said(&[0; 48]).contains("not a compressed point"));
        let mut infinity = [0; 48];
        infinity[0] = 0xc0;
        assert!(said(&infinity).contains("infinity"), "{}", said(&infinity));
        let mut off = right;
        // Half of all x-coordinates are not on the curve; this one is found by trying.
        let whats: Vec<String> = (0..=255_u8)
            .map(|byte| {
                off[47] = byte;
                verify(&chain, 1_000, &off).map_or_else(|fault| fault.to_string(), |_| String::new())
            })
            .collect();
        assert!(whats.iter().any(|what| what.contains("not on the curve")));
        assert!(whats.iter().any(|what| what.contains("not in the curve's group")));
        assert_eq!(whats.iter().filter(|what| what.is_empty()).count(), 1, "only the right one is right");

        let mut keyless = Chain { public_key: Hex([0; 96]), ..chain };
        keyless.hash = Hex(keyless.computed_hash());
        assert!(matches!(verify(&keyless, 1_000, &right), Err(BeaconError::MalformedKey { .. })));
    }

    #[test]
    fn a_local_chain_signs_its_rounds() {
        let local = LocalChain::new("demo", &[9; 32], 1_000, NonZeroU32::MIN);
        let randomness = verify(local.chain(), 77, &local.sign(77)).unwrap();
        assert_eq!(randomness, sha256(&[&local.sign(77)]));
        assert_ne!(local.sign(77), local.sign(78));
        assert!(!format!("{local:?}").contains("SecretKey"));
    }

    #[test]
    fn rounds_are_counted_from_one_at_genesis() {
        let chain = Chain::quicknet();
        let genesis_ms = chain.genesis_s * 1_000;
        let at = |after_ms: i64| chain.round_at_or_after(genesis_ms + after_ms);
        assert_eq!([at(-5_000), at(0), at(1), at(3_000), at(3_001)], [1, 1, 2, 2, 3]);
        assert_eq!(chain.round_at_or_after(i64::MIN), 1);
        // quicknet's round 1000 was made at 1692806364.
        assert_eq!(chain.time_of_ms(1_000), 1_692_806_364_000);
        assert_eq!(round_after_close(&chain, 1_692_806_304_000, 60), 1_000);
        assert_eq!(round_after_close(&chain, 1_692_806_304_001, 60), 1_001);
    }

    proptest! {
        #[test]
        fn the_round_is_the_first_at_or_after(time_ms in 0_i64..4_000_000_000_000, period_s in 1_u32..100, genesis_s in 0_i64..2_000_000_000) {
            let chain = Chain { period_s: NonZeroU32::new(period_s).unwrap(), genesis_s, ..Chain::quicknet() };
            let round = chain.round_at_or_after(time_ms);
            prop_assert!(chain.time_of_ms(round) >= time_ms);
            prop_assert!(round == 1 || chain.time_of_ms(round - 1) < time_ms);
        }
    }
}
