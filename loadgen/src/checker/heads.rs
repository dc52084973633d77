//! Check of the log's heads: what fans were told while they waited is what is published afterwards.

use std::collections::BTreeMap;

use contracts::log::ToldHead;

use super::{History, Tales};
use crate::crowd::diary::What;

/// The heads that fans were told, with whom.
pub fn told(history: &History) -> impl Iterator<Item = (u32, &ToldHead)> {
    history.stories.iter().flat_map(|story| {
        story.records.iter().filter_map(|record| match &record.what {
            What::TheHead(head) => Some((story.fan, head)),
            _ => None,
        })
    })
}

/// Every head that a fan was told is published, with the same hash, key and time; and fans were told some.
#[must_use]
pub fn heads_as_told(history: &History, _: &Tales<'_>) -> Vec<String> {
    let published = &history.facts.heads;
    let mut found: BTreeMap<(i64, String), (u32, usize)> = BTreeMap::new();
    let mut any = false;
    for (fan, head) in told(history) {
        any = true;
        let what = match published.get(&head.seq) {
            Some(other) if other == head => continue,
            Some(other) => format!("was told as {} and is published as {}", words(head), words(other)),
            None => format!("was told as {} and is not published", words(head)),
        };
        found.entry((head.seq, what)).or_insert((fan, 0)).1 += 1;
    }
    if !any {
        return vec![format!("nobody was told any head of the log; {} are published", published.len())];
    }
    let tell = |((seq, what), (fan, times))| format!("head {seq} {what}: {times} times, first to fan {fan}");
    found.into_iter().map(tell).collect()
}

fn words(head: &ToldHead) -> String {
    format!("{} by key {} at {}", head.hash, head.key_id, head.at_ms)
}

#[cfg(test)]
mod tests {
    use contracts::log::ToldHead;

    use crate::checker::scene::{self, head, told};
    use crate::crowd::diary::What;

    const NAME: &str = "heads-as-told";

    /// What is found after fan 2 was told this instead.
    fn found(instead: &ToldHead) -> String {
        let mut history = scene::clean();
        scene::each(&mut history, 2, |what| {
            if let What::TheHead(told) = what {
                *told = instead.clone();
            }
        });
        told(&history, NAME)
    }

    #[test]
    fn a_head_that_was_told_otherwise_is_named() {
        assert_eq!(found(&head(7)), "");
        let hash = "80".repeat(32);
        let wrong = found(&ToldHead { hash: hash.clone(), ..head(7) });
        assert!(wrong.starts_with(&format!("head 7 was told as {hash} by key k")), "{wrong}");
        assert!(wrong.ends_with("1 times, first to fan 2"), "{wrong}");
        assert!(found(&ToldHead { key_id: "l".to_owned(), ..head(7) }).contains("by key l at 1000 and is published"));
        assert!(found(&ToldHead { at_ms: 1_001, ..head(7) }).contains("at 1001 and is published"));
    }

    #[test]
    fn a_head_that_is_not_published_is_named() {
        assert!(found(&head(8)).contains("head 8 was told as") && found(&head(8)).contains("is not published"));
    }

    #[test]
    fn heads_that_nobody_was_told_are_missed() {
        let mut history = scene::clean();
        history.stories.iter_mut().for_each(|story| story.records.retain(|r| !matches!(r.what, What::TheHead(_))));
        assert_eq!(told(&history, NAME), "nobody was told any head of the log; 1 are published");
    }
}
