//! Editing a sale in which fans stand already: what gets worse for them is said, and done only when it is asked for again.

use contracts::ids::SaleId;
use contracts::papers::Papers;
use contracts::problem::Problem;
use contracts::sales::{Beacon, Ordering, SaleDraft};
use uuid::Uuid;

/// A lobby that closes sooner than this after an edit may have no published roster in time for the beacon, in milliseconds.
const SOON_MS: i64 = 60_000;

/// What gets worse for those who stand in the sale at `now_ms`, one line each.
pub fn dangers(from: &SaleDraft, to: &SaleDraft, in_line: u64, now_ms: i64) -> Vec<String> {
    let mut found = Vec::new();
    if in_line == 0 {
        return found;
    }
    let mut moved = |what: &str, before_ms: i64, after_ms: i64, worse: bool| {
        if worse {
            let way = if after_ms > before_ms { "later" } else { "earlier" };
            found.push(format!("{what} {} {way}", span(after_ms.abs_diff(before_ms))));
        }
    };
    moved("admission begins", from.opens_at_ms, to.opens_at_ms, to.opens_at_ms != from.opens_at_ms);
    if let (Some(before), Some(after)) = (from.lobby_opens_at_ms, to.lobby_opens_at_ms) {
        moved("joining begins", before, after, after > before && after > now_ms);
    }
    moved("joining ends", from.closes_at_ms, to.closes_at_ms, to.closes_at_ms < from.closes_at_ms);
    let [before, after] = [from, to].map(|draft| draft.wait_ends_at_ms.unwrap_or(draft.closes_at_ms));
    moved("whoever still waits is sent away", before, after, after < before);
    moved("a hold ends", from.hold_ttl_ms, to.hold_ttl_ms, to.hold_ttl_ms < from.hold_ttl_ms);
    if to.ordering != from.ordering {
        found.push("the order of the line follows another rule".to_owned());
    }
    let draws = to.beacon != Beacon::None && to.ordering != Ordering::Fifo && to.lobby_opens_at_ms.is_some();
    if draws && to.opens_at_ms < from.opens_at_ms && to.opens_at_ms < now_ms + SOON_MS {
        let left = span((to.opens_at_ms - now_ms).max(0).unsigned_abs());
        found.push(format!("the lobby closes in {left}: if its roster is out too late, its draw is unprovable"));
    }
    if from.lobby_opens_at_ms.is_some() != to.lobby_opens_at_ms.is_some() {
        found.push("the sale gets or loses its lobby, and with it the draw".to_owned());
    }
    match (from.allotment, to.allotment) {
        (None, Some(after)) => found.push(format!("the sale may sell only {after} seats instead of all")),
        (Some(before), Some(after)) if after < before => {
            found.push(format!("the sale may sell {after} seats instead of {before}"));
        }
        _ => {}
    }
    if from.rejoin && !to.rejoin {
        found.push("whoever loses a place cannot join again".to_owned());
    }
    if !found.is_empty() {
        let who = if in_line == 1 { "1 fan stands".to_owned() } else { format!("{in_line} fans stand") };
        found.insert(0, format!("{who} in this sale"));
    }
    found
}

/// Refuses a dangerous edit that the code does not confirm, with a new code for it: for this edit of this version by this account.
pub fn check(
    papers: &Papers,
    (sale, account, version): (SaleId, Uuid, i64),
    to: &SaleDraft,
    dangers: &[String],
    code: Option<&str>,
) -> Result<(), Problem> {
    let asked =
        papers.ask_again(&(sale, account, version, to), dangers, code, "send it again with this code as Confirm");
    asked.map_err(|problem| problem.with_faults(dangers.to_vec()))
}

/// A length of time for people.
fn span(ms: u64) -> String {
    let minutes = ms / 60_000;
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{} s", ms / 1_000),
        _ if minutes < 60 => format!("{minutes} min"),
        _ if minutes < 48 * 60 => format!("{} h {} min", minutes / 60, minutes % 60),
        _ => format!("{} days", minutes / 1_440),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn draft() -> SaleDraft {
        let draft = json!({"name": "Presale", "opens_at_ms": 1_000_000, "closes_at_ms": 9_000_000, "allotment": 50});
        serde_json::from_value(draft).unwrap()
    }

    #[test]
    fn what_gets_worse_is_named_and_what_does_not_is_not() {
        let named = |to: SaleDraft| dangers(&draft(), &to, 7, 0);
        let harmless = SaleDraft {
            name: "Other".to_owned(),
            closes_at_ms: 10_000_000,
            allotment: None,
            party_max: 2,
            hold_ttl_ms: 400_000,
            ..draft()
        };
        assert!(named(harmless).is_empty());
        let earlier = named(SaleDraft { closes_at_ms: 5_400_000, ..draft() });
        assert_eq!(earlier[..2], ["7 fans stand in this sale", "joining ends 1 h 0 min earlier"], "{earlier:?}");
        assert_eq!(earlier[2], "whoever still waits is sent away 1 h 0 min earlier");
        assert_eq!(named(SaleDraft { opens_at_ms: 1_090_000, ..draft() })[1], "admission begins 1 min later");
        assert_eq!(named(SaleDraft { allotment: Some(49), ..draft() })[1], "the sale may sell 49 seats instead of 50");
        assert_eq!(named(SaleDraft { lobby_opens_at_ms: Some(1), ..draft() }).len(), 2);
        assert!(
            dangers(&draft(), &SaleDraft { allotment: Some(1), ..draft() }, 0, 0).is_empty(),
            "nobody stands in it"
        );
    }

    #[test]
    fn a_lobby_that_opens_later_or_closes_in_a_moment_is_asked_about() {
        let from = SaleDraft { lobby_opens_at_ms: Some(100_000), ..draft() };
        let named = |to: SaleDraft, now_ms| dangers(&from, &to, 7, now_ms);
        let later = SaleDraft { lobby_opens_at_ms: Some(400_000), ..from.clone() };
        assert_eq!(named(later, 200_000)[1..], ["joining begins 5 min later"]);
        let sooner = |opens_at_ms| SaleDraft { opens_at_ms, ..from.clone() };
        let soon = named(sooner(720_000), 700_000);
        assert_eq!(
            soon[1..],
            [
                "admission begins 4 min earlier",
                "the lobby closes in 20 s: if its roster is out too late, its draw is unprovable"
            ]
        );
        assert_eq!(named(sooner(770_000), 700_000).len(), 2, "there is time");
        assert_eq!(
            named(SaleDraft { ordering: Ordering::Fifo, ..sooner(720_000) }, 700_000).len(),
            3,
            "nothing is drawn"
        );
    }

    #[test]
    fn a_code_confirms_one_edit_of_one_version() {
        let papers = Papers::new(&["a secret of the tests that is long enough"], || 1_000);
        let who = (SaleId(Uuid::from_u128(1)), Uuid::from_u128(2), 3);
        let worse = ["it closes".to_owned()];
        let ask = |who, to: &SaleDraft, code: Option<&str>| check(&papers, who, to, &worse, code);
        let problem = ask(who, &draft(), None).unwrap_err();
        assert!(problem.detail.contains("it closes") && problem.faults == worse, "{problem:?}");
        let code = problem.confirm.as_deref();
        assert!(ask(who, &draft(), code).is_ok());
        assert!(ask((who.0, who.1, 4), &draft(), code).is_err());
        assert!(ask(who, &SaleDraft { rejoin: false, ..draft() }, code).is_err());
        assert!(check(&papers, who, &draft(), &[], None).is_ok());
    }
}
