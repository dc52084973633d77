//! `usher draw`: the published example, its faults, and what the command says of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn usher(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_usher")).arg("draw").args(arguments).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn published() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../contracts/examples/draw")
}

fn example(arguments: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().display().to_string();
    let output = usher(&[&["example", &path], arguments].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    folder
}

fn verify(folder: &Path, arguments: &[&str]) -> Output {
    usher(&[&["verify", &folder.display().to_string()], arguments].concat())
}

#[test]
fn the_published_example_holds_and_is_what_the_command_writes() {
    let folder = published();
    let output = verify(&folder.join("draw.json"), &["--entry", "17"]);
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}{}", text(&output.stderr));
    assert!(said.contains("round 1000 of quicknet") && said.contains("Provable: nobody"), "{said}");
    assert!(said.contains("entry 17    drew number ") && said.contains("\"17 plc_"), "{said}");
    let again = example(&["--entries", "100"]);
    for name in domain::draw::FILES {
        let (kept, made) = (fs::read(folder.join(name)), fs::read(again.path().join(name)));
        assert_eq!(text(&kept.expect("published")), text(&made.expect("made")), "{name}");
    }
}

#[test]
fn places_and_sales_are_printed_as_the_contracts_print_them() {
    let draw: serde_json::Value =
        serde_json::from_slice(&fs::read(published().join("draw.json")).expect("published")).expect("JSON");
    let sale: contracts::ids::SaleId = serde_json::from_value(draw["sale"]["id"].clone()).expect("a sale's id");
    let roster = fs::read_to_string(published().join("roster.txt")).expect("published");
    for (entry, line) in (1_i64..).zip(roster.lines()) {
        let place: contracts::ids::PlaceId = line.split(' ').nth(1).expect("a place").parse().expect("a place's id");
        assert_eq!(domain::draw::roster_leaf(entry, place.0), format!("{entry} {place}"));
    }
    assert_eq!(domain::draw::Sale::new(sale.0, "", "").id, sale.to_string());
}

#[test]
fn a_fault_is_one_line_with_its_file_and_entry() {
    let folder = example(&["--entries", "50"]);
    let path = folder.path().join("roster.txt");
    let mut bytes = fs::read(&path).expect("the roster");
    let at = text(&bytes).lines().take(6).map(|line| line.len() + 1).sum::<usize>() + 9;
    bytes[at] ^= 1;
    fs::write(&path, bytes).expect("written");
    let output = verify(folder.path(), &[]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("roster.txt, entry 7: "), "{said}");

    let output = verify(folder.path(), &["--json"]);
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one object");
    assert_eq!((&said["holds"], &said["faults"][0]["entry"]), (&false.into(), &7.into()));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn an_entry_is_followed_in_json() {
    let folder = example(&["--entries", "3", "--seed", "another"]);
    let said = verify(folder.path(), &["--json", "--entry", "3"]).stdout;
    let said: serde_json::Value = serde_json::from_slice(&said).expect("one object");
    assert_eq!((&said["holds"], &said["provable"], &said["size"]), (&true.into(), &true.into(), &3.into()));
    assert_eq!(said["entry"]["proof"].as_array().map(Vec::len), Some(1));
    let beyond = verify(folder.path(), &["--entry", "4"]);
    assert!(!beyond.status.success());
    assert!(text(&beyond.stderr).contains("the roster has 1 to 3"), "{}", text(&beyond.stderr));
    let key = said["signer"]["ed25519"].as_str().expect("a key").to_owned();
    assert!(verify(folder.path(), &["--key", &key]).status.success());
    assert_eq!(verify(folder.path(), &["--key", &"0".repeat(64)]).status.code(), Some(1));
}

#[test]
fn draws_without_a_public_beacon_hold_and_say_what_they_lack() {
    for (beacon, reason) in [("none", "it has no beacon"), ("local", "example is no public chain")] {
        let output = verify(example(&["--entries", "10", "--beacon", beacon]).path(), &[]);
        let said = text(&output.stdout);
        assert!(output.status.success() && said.contains("Not provable") && said.contains(reason), "{said}");
    }
}

fn acknowledged(name: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let path = published().join("../acknowledgement").join(name).display().to_string();
    let output = usher(&[&["acknowledged", &path], arguments].concat());
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

#[test]
fn the_published_acknowledgements_are_what_the_command_writes() {
    let made = tempfile::tempdir().expect("a folder");
    example(&["--entries", "100", "--acknowledged", &made.path().display().to_string()]);
    let kept = published().join("../acknowledgement");
    let names = |folder: &Path| {
        let files = fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").file_name());
        files.collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(names(&kept), names(made.path()));
    assert_eq!(names(&kept).len(), 6, "batches of 1, 2, 3 and 7, and two who were left out");
    for name in names(&kept) {
        let (kept, made) = (fs::read(kept.join(&name)), fs::read(made.path().join(&name)));
        assert_eq!(text(&kept.expect("published")), text(&made.expect("made")), "{}", name.display());
        let told: contracts::draws::Acknowledgement =
            serde_json::from_slice(&fs::read(published().join("../acknowledgement").join(&name)).expect("kept"))
                .expect("as the contracts have it");
        let same: domain::draw::Acknowledgement =
            serde_json::from_value(serde_json::to_value(&told).expect("JSON")).expect("and as the rules have it");
        assert_eq!(serde_json::to_value(same).expect("JSON"), serde_json::to_value(told).expect("JSON"));
    }
}

#[test]
fn an_acknowledgement_is_held_against_the_roster() {
    let roster = published().display().to_string();
    let with = ["--roster", roster.as_str()];
    for batch in ["batch-1.json", "batch-2.json", "batch-3.json", "batch-7.json"] {
        let (code, said) = acknowledged(batch, &with);
        assert!(code == Some(0) && said.contains("It is in the roster."), "{batch}: {said}");
        let (code, said) = acknowledged(batch, &[]);
        assert!(code == Some(0) && said.contains("Keep it"), "{batch}: {said}");
    }
    for (name, why) in
        [("left-out.json", "for entry 1 the roster has \"1 plc_"), ("beyond.json", "ends before entry 101")]
    {
        let (code, said) = acknowledged(name, &with);
        assert!(code == Some(1) && said.contains("LEFT OUT") && said.contains(why), "{name}: {said}");
        let (_, said) = acknowledged(name, &["--roster", &roster, "--json"]);
        let said: serde_json::Value = serde_json::from_str(&said).expect("one object");
        assert_eq!((&said["genuine"], &said["in_roster"]), (&true.into(), &false.into()), "{said}");
    }
    let (code, said) = acknowledged("batch-7.json", &["--key", &"0".repeat(64)]);
    assert!(code == Some(1) && said.starts_with("acknowledgement: key: it is signed by"), "{said}");
    let other = example(&["--entries", "100", "--seed", "another"]);
    let (code, said) = acknowledged("batch-7.json", &["--roster", &other.path().display().to_string(), "--json"]);
    let said: serde_json::Value = serde_json::from_str(&said).expect("one object");
    let parts: Vec<&str> = said["faults"]
        .as_array()
        .expect("faults")
        .iter()
        .map(|fault| &fault["what"].as_str().expect("words")[..5])
        .collect();
    assert_eq!((code, parts), (Some(1), vec!["sale:", "key: "]), "{said}");
    let (code, said) = acknowledged("none.json", &[]);
    assert!(code != Some(0) && said.contains("cannot open"), "{said}");
}

#[test]
fn a_folder_without_a_draw_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = verify(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(said.contains("draw.json: cannot be read"), "{said}");
}
