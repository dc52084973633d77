//! A published draw as a whole: what holds is accepted, and each thing that does not is named.

use std::collections::BTreeMap;
use std::io;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

type Files = BTreeMap<&'static str, Vec<u8>>;

/// 23 August 2023, 15:59:24 UTC: quicknet's round 1000, whose signature follows.
const ROUND_MS: i64 = 1_692_806_364_000;
const CLOSED_MS: i64 = ROUND_MS - 60_500;
const ROUND_1000: &str =
    "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39";
const ROUND_1001: &str =
    "b33bf3667cbd5a82de3a24b4e0e9fe5513cc1a0e840368c6e31f5fcfa79bea03f73896b25883abf2853d10337fb8fa41";
const SECRET: Secret = Secret([7; 32]);

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    Hex::parse(hex).unwrap().0
}

fn signer() -> Signer {
    Signer::from_seed(&[3; 32], "k1")
}

fn sale() -> Sale {
    Sale::new(Uuid::from_u128(1), "General sale", "A concert")
}

fn places(size: usize) -> Vec<Uuid> {
    (0..size).map(|nth| Uuid::from_u128(0x019a_7c2e_5f3b_7c1d_8e9f_0a1b_2c3d_0000 + nth as u128)).collect()
}

fn quicknet() -> Rule {
    Rule { chain: Chain::quicknet(), delay_s: 60, unprovable_after_s: None }
}

fn drawn(size: usize, rule: Option<Rule>, signature: Option<&[u8]>) -> Files {
    let before = commit(sale(), &SECRET, CLOSED_MS - 3_600_000, rule, &signer());
    drawn_after(&before, &places(size), signature)
}

fn drawn_after(before: &Signed<CommitmentStatement>, places: &[Uuid], signature: Option<&[u8]>) -> Files {
    let mut files = Files::new();
    let mut list = Vec::new();
    let (roster, roster_txt) = write_roster(places.iter().copied(), &mut list).unwrap();
    assert_eq!(roster, Roster::new(places.iter().copied()));
    let after = close(sale(), &roster, CLOSED_MS, CLOSED_MS + 900, &signer());
    let drawing = Drawing {
        commitment: before,
        roster: &after,
        roster_txt,
        secret: &SECRET,
        beacon_signature: signature,
        now_ms: ROUND_MS + 1_000,
    };
    let (numbers, draw) = drawing.draw(&signer()).unwrap();
    files.insert("roster.txt", list);
    let mut list = Vec::new();
    write_numbers(&numbers, &mut list).unwrap();
    files.insert("numbers.txt", list);
    for (json, sig, signed) in [
        ("commitment.json", "commitment.sig", (before.json.clone(), before.sig.clone())),
        ("roster.json", "roster.sig", (after.json, after.sig)),
        ("draw.json", "draw.sig", (draw.json, draw.sig)),
    ] {
        files.insert(json, signed.0);
        files.insert(sig, signed.1);
    }
    assert_eq!(files.len(), FILES.len());
    files
}

fn example(size: usize) -> Files {
    drawn(size, Some(quicknet()), Some(&bytes::<48>(ROUND_1000)))
}

fn check(files: &Files, asked: Asked) -> Result<Verified, Vec<Fault>> {
    verify(|name| files.get(name).map(Vec::as_slice).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound)), asked)
}

fn faults(files: &Files) -> Vec<Fault> {
    check(files, Asked::default()).unwrap_err()
}

/// The only fault there is, as it is printed.
fn fault(files: &Files) -> String {
    let faults = faults(files);
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults[0].to_string()
}

/// The draw with its statement changed by whoever holds the key.
fn forged(files: &Files, change: impl FnOnce(&mut DrawStatement)) -> Files {
    let signed = Signed::<DrawStatement>::read(files["draw.json"].clone(), files["draw.sig"].clone()).unwrap();
    let mut statement = signed.statement;
    change(&mut statement);
    statement.signer = signer().by().clone();
    let signed = signer().sign(statement);
    let mut files = files.clone();
    files.insert("draw.json", signed.json);
    files.insert("draw.sig", signed.sig);
    files
}

#[test]
fn a_draw_holds_and_every_entry_can_be_followed() {
    for size in [0, 1, 2, 100, 1_024, 1_025, 2_500] {
        let files = example(size);
        let verified = check(&files, Asked::default()).unwrap();
        assert!(verified.draw.provable && verified.unprovable.is_empty());
        assert_eq!(verified.draw.roster.size, size as i64);
        assert_eq!(verified.entry, None);
        for entry in [1, size as i64 / 2, size as i64].into_iter().filter(|entry| (1..=size as i64).contains(entry)) {
            let place = places(size)[entry as usize - 1];
            let asked = Asked { entry: Some(entry), key: Some(signer().by().ed25519) };
            let followed = check(&files, asked).unwrap().entry.unwrap();
            assert_eq!(followed.leaf, roster_leaf(entry, place));
            assert!(followed.proof.proves(place, &verified.draw.roster.root.0));
            let lines = String::from_utf8(files["numbers.txt"].clone()).unwrap();
            let line = format!("{} {entry}", followed.number);
            assert_eq!(lines.lines().nth(followed.number as usize - 1), Some(line.as_str()));
        }
        let beyond = check(&files, Asked { entry: Some(size as i64 + 1), key: None }).unwrap();
        assert_eq!(beyond.entry, None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn one_changed_byte_is_refused_and_named(file in 0_usize..8, place: prop::sample::Index, mask in 1_u8..=255) {
        static EXAMPLE: std::sync::LazyLock<Files> = std::sync::LazyLock::new(|| example(1_100));
        let mut files = EXAMPLE.clone();
        let name = FILES[file];
        let bytes = files.get_mut(name).unwrap();
        let at = place.index(bytes.len());
        let line = bytes[..at].split(|byte| *byte == b'\n').count() - 1;
        let entry = match name {
            "roster.txt" => Some(line as i64 + 1),
            "numbers.txt" => {
                let text = std::str::from_utf8(&EXAMPLE["numbers.txt"]).unwrap();
                text.lines().nth(line).and_then(|line| line.split(' ').nth(1)).map(|entry| entry.parse().unwrap())
            }
            _ => None,
        };
        bytes[at] ^= mask;
        let faults = faults(&files);
        prop_assert_eq!(faults.len(), 1, "{:?}", faults);
        prop_assert!(faults[0].to_string().contains(name), "{}", faults[0]);
        prop_assert_eq!(faults[0].entry, entry);
    }

    #[test]
    fn a_truncated_or_longer_file_is_refused_and_named(file in 0_usize..8, place: prop::sample::Index, longer: bool) {
        static EXAMPLE: std::sync::LazyLock<Files> = std::sync::LazyLock::new(|| example(50));
        let mut files = EXAMPLE.clone();
        let bytes = files.get_mut(FILES[file]).unwrap();
        if longer {
            bytes.push(b'\n');
        } else {
            bytes.truncate(place.index(bytes.len()));
        }
        let faults = faults(&files);
        prop_assert!(faults.iter().all(|fault| fault.to_string().contains(FILES[file])), "{:?}", faults);
    }
}

#[test]
fn a_missing_file_is_named() {
    for name in FILES {
        let mut files = example(3);
        files.remove(name);
        let said = fault(&files);
        assert!(said.starts_with(&format!("{name}: cannot be read")), "{said}");
    }
}

#[test]
fn a_beacon_of_another_round_key_or_chain_is_refused() {
    let files = example(20);
    // The round beside, under the right number and under its own.
    let said = fault(&forged(&files, |draw| {
        let used = draw.beacon.as_mut().unwrap();
        used.signature = Hex(bytes(ROUND_1001));
    }));
    assert!(said.contains("signature of round 1001; the rule asks for round 1000"), "{said}");
    let said = faults(&forged(&files, |draw| {
        let used = draw.beacon.as_mut().unwrap();
        (used.round, used.signature) = (1_001, Hex(bytes(ROUND_1001)));
    }));
    assert!(said[0].to_string().contains("the rule asks for round 1000"), "{said:?}");

    let local = LocalChain::new("quicknet", &[1; 32], Chain::quicknet().genesis_s, Chain::quicknet().period_s);
    // Another key's signature, under quicknet's name.
    let said = fault(&forged(&files, |draw| {
        draw.beacon.as_mut().unwrap().signature = Hex(local.sign(1_000));
    }));
    assert!(said.contains("did not sign round 1000"), "{said}");
    // Another chain altogether, which was not the one agreed upon.
    let said = faults(&forged(&files, |draw| {
        let used = draw.beacon.as_mut().unwrap();
        (used.chain, used.signature) = (local.chain().clone(), Hex(local.sign(1_000)));
    }));
    assert!(said[0].to_string().contains("beacon's rule is not the one of commitment.json"), "{said:?}");
    // Quicknet's name and hash over another key, from the beginning.
    let chain = Chain { public_key: local.chain().public_key, ..Chain::quicknet() };
    let said = faults(&forged(&files, |draw| draw.beacon.as_mut().unwrap().chain = chain));
    assert!(said.iter().any(|fault| fault.what.contains("parameters hash to")), "{said:?}");
    // Left out.
    let said = faults(&forged(&files, |draw| draw.beacon = None));
    assert!(said[0].to_string().contains("beacon's rule"), "{said:?}");
    // Its randomness chosen.
    let said = faults(&forged(&files, |draw| draw.beacon.as_mut().unwrap().randomness = Hex([1; 32])));
    assert!(said[0].to_string().contains("randomness of round 1000 is fe290beca1"), "{said:?}");
}

#[test]
fn an_edited_roster_is_refused_even_if_every_line_agrees_with_itself() {
    let mut files = example(2_100);
    let text = String::from_utf8(files["roster.txt"].clone()).unwrap();
    let edited: String = (1_i64..)
        .zip(text.lines())
        .map(|(entry, kept)| if entry == 1_500 { roster_line(entry, Uuid::from_u128(9)) } else { kept.to_owned() } + "\n")
        .collect();
    files.insert("roster.txt", edited.into_bytes());
    let faults = faults(&files);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!((faults[0].file, faults[0].entry), ("roster.txt", Some(1_025)));
    assert!(faults[0].what.contains("up to entry 2048"), "{}", faults[0]);
}

#[test]
fn a_roster_exchanged_after_its_publication_is_refused() {
    // Everything is made and signed anew over another roster, but the fan kept the first roster.json.
    let kept = example(30);
    let before = Signed::read(kept["commitment.json"].clone(), kept["commitment.sig"].clone()).unwrap();
    let mut other = places(30);
    other.swap(3, 4);
    let mut files = drawn_after(&before, &other, Some(&bytes::<48>(ROUND_1000)));
    check(&files, Asked::default()).expect("it agrees with itself");
    for name in ["roster.json", "roster.sig"] {
        files.insert(name, kept[name].clone());
    }
    let said = faults(&files);
    assert!(said.iter().any(|fault| fault.file == "roster.json"), "{said:?}");
}

#[test]
fn a_secret_that_does_not_match_its_commitment_is_refused() {
    let files = forged(&example(20), |draw| draw.secret = Hex([8; 32]));
    let said = faults(&files);
    assert!(said[0].to_string().contains("draw.json: the secret's commitment is"), "{said:?}");
    // The commitment changed along with it.
    let files = forged(&example(20), |draw| {
        draw.secret = Hex([8; 32]);
        draw.commitment = Hex(commitment(&Secret([8; 32])));
    });
    let said = faults(&files);
    assert!(said[0].to_string().contains("not the one of commitment.json"), "{said:?}");
}

#[test]
fn a_statement_of_unknown_format_is_refused() {
    let mut files = example(5);
    let text = String::from_utf8(files["draw.json"].clone()).unwrap();
    files.insert("draw.json", text.replacen("usher-draw/1", "usher-draw/2", 1).into_bytes());
    let said = fault(&files);
    assert!(said.starts_with("draw.json: the format is \"usher-draw/2\""), "{said}");
}

#[test]
fn a_period_of_no_time_and_missing_chunks_are_refused() {
    let mut files = example(5);
    let text = String::from_utf8(files["draw.json"].clone()).unwrap();
    files.insert("draw.json", text.replacen("\"period_s\": 3", "\"period_s\": 0", 1).into_bytes());
    let said = fault(&files);
    assert!(said.starts_with("draw.json: cannot be read") && said.contains("nonzero"), "{said}");

    // One chunk, the root itself, where there must be two: it leads to the root.
    let mut files = example(1_500);
    let read = Signed::<RosterStatement>::read(files["roster.json"].clone(), files["roster.sig"].clone()).unwrap();
    let mut statement = read.statement;
    statement.chunks = vec![statement.root];
    let signed = signer().sign(statement);
    files.insert("roster.json", signed.json.clone());
    files.insert("roster.sig", signed.sig.clone());
    let files = forged(&files, |draw| {
        draw.files.roster_json = Hex(hash::sha256(&[&signed.json]));
        draw.files.roster_sig = Hex(hash::sha256(&[&signed.sig]));
    });
    let said = check(&files, Asked { entry: Some(1_400), key: None }).unwrap_err();
    assert!(said[0].to_string().contains("roster.json: has 1 chunks, not 2"), "{said:?}");
}

#[test]
fn another_key_is_refused_where_one_is_asked_for() {
    let asked = Asked { entry: None, key: Some(Hex([9; 32])) };
    let files: Vec<&str> = check(&example(5), asked).unwrap_err().iter().map(|fault| fault.file).collect();
    assert_eq!(files, ["commitment.json", "roster.json", "draw.json"]);
}

#[test]
fn a_draw_is_called_provable_only_if_it_is() {
    let bare = drawn(10, None, None);
    let verified = check(&bare, Asked::default()).unwrap();
    assert!(!verified.draw.provable);
    assert!(verified.unprovable[0].contains("no beacon"), "{:?}", verified.unprovable);
    let said = fault(&forged(&bare, |draw| draw.provable = true));
    assert!(said.contains("says provable: true, but it has no beacon"), "{said}");
    let said = fault(&forged(&example(10), |draw| draw.provable = false));
    assert!(said.contains("nothing speaks against it"), "{said}");

    let local = LocalChain::new("demo", &[1; 32], Chain::quicknet().genesis_s, Chain::quicknet().period_s);
    let rule = Rule { chain: local.chain().clone(), delay_s: 60, unprovable_after_s: None };
    let files = drawn(10, Some(rule), Some(&local.sign(1_000)));
    let verified = check(&files, Asked::default()).unwrap();
    assert!(!verified.draw.provable);
    assert!(verified.unprovable[0].contains("demo is no public chain"), "{:?}", verified.unprovable);

    let roster = Roster::new(places(3));
    let before = |published_ms| commit(sale(), &SECRET, published_ms, Some(quicknet()), &signer()).statement;
    let after = |published_ms| close(sale(), &roster, CLOSED_MS, published_ms, &signer()).statement;
    assert!(unprovable(&before(CLOSED_MS - 1), &after(ROUND_MS - 1), true).is_empty());
    assert!(unprovable(&before(CLOSED_MS), &after(ROUND_MS - 1), true)[0].contains("after the lobby had closed"));
    assert!(unprovable(&before(CLOSED_MS - 1), &after(ROUND_MS), true)[0].contains("already known"));
}

#[test]
fn a_draw_is_not_made_of_what_does_not_belong_together() {
    let before = |rule| commit(sale(), &SECRET, CLOSED_MS - 1, rule, &signer());
    let after = close(sale(), &Roster::new(places(3)), CLOSED_MS, CLOSED_MS, &signer());
    let (agreed, bare) = (before(Some(quicknet())), before(None));
    let drawing = Drawing {
        commitment: &agreed,
        roster: &after,
        roster_txt: [0; 32],
        secret: &SECRET,
        beacon_signature: None,
        now_ms: 0,
    };
    let refused = |drawing: &Drawing<'_>| drawing.draw(&signer()).unwrap_err();
    assert_eq!(refused(&drawing), DrawError::BeaconMissing { chain: "quicknet".into(), round: 1_000 });
    let next = bytes::<48>(ROUND_1001);
    let wrong = Drawing { beacon_signature: Some(&next), ..drawing };
    assert_eq!(refused(&wrong), DrawError::Beacon(BeaconError::WrongRound { expected: 1_000, got: 1_001 }));
    assert_eq!(refused(&Drawing { commitment: &bare, ..wrong }), DrawError::BeaconUnasked);
    let other = Secret([8; 32]);
    assert_eq!(refused(&Drawing { secret: &other, ..wrong }), DrawError::WrongSecret);
    let elsewhere = Sale::new(Uuid::from_u128(2), "Presale", "A concert");
    let elsewhere = close(elsewhere, &Roster::new(places(3)), CLOSED_MS, CLOSED_MS, &signer());
    assert!(matches!(refused(&Drawing { roster: &elsewhere, ..wrong }), DrawError::AnotherSale { .. }));
}

#[test]
fn a_statement_cannot_make_the_checker_draw_more_than_was_sent() {
    let files = forged(&example(5), |draw| draw.roster.size = i64::from(u32::MAX));
    let said = faults(&files);
    assert!(said.iter().any(|fault| fault.file == "roster.txt" && fault.entry == Some(6)), "{said:?}");
    for size in [-1, i64::MAX] {
        let said = faults(&forged(&example(5), |draw| draw.roster.size = size));
        assert!(said.iter().any(|fault| fault.what.contains("cannot be")), "{said:?}");
    }
}

#[test]
fn a_draw_goes_on_without_its_beacon_only_as_was_said_beforehand_and_says_so() {
    // A second after the round's time the draws of these tests are made.
    let rule = |unprovable_after_s| Some(Rule { unprovable_after_s, ..quicknet() });
    let files = drawn(40, rule(Some(1)), None);
    let verified = check(&files, Asked::default()).unwrap();
    assert!(!verified.draw.provable && verified.draw.beacon.is_none());
    assert!(verified.unprovable[0].contains("was not had in time"), "{:?}", verified.unprovable);
    // With it, the same rule proves as much as any.
    let with = check(&drawn(40, rule(Some(1)), Some(&bytes::<48>(ROUND_1000))), Asked::default()).unwrap();
    assert!(with.draw.provable);
    // Earlier than was said, or called provable: refused.
    for wrong in [|draw: &mut DrawStatement| draw.drawn_ms -= 1, |draw: &mut DrawStatement| draw.provable = true] {
        assert_eq!(faults(&forged(&files, wrong)).len(), 1);
    }
    let patient = rule(Some(2)).unwrap();
    assert_eq!(patient.without_beacon_from_ms(CLOSED_MS), Some(ROUND_MS + 2_000));
    assert_eq!(rule(None).unwrap().without_beacon_from_ms(CLOSED_MS), None);
}
