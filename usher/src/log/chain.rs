//! That nothing was changed: every line as it was written, every hash, every signature.

use contracts::log::{Head, LaneEnd, Line, LogKeys, record_hash};
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::feed::Change;

use super::{Fault, Files, Report};

/// The lanes' names, in the order of [`Files::lanes`].
pub const LANES: [&str; 3] = ["joins", "pace", "seats"];

/// A record that is what its hash says.
pub struct Record {
    pub version: i64,
    pub at_ms: i64,
    pub changes: Vec<Change>,
}

/// A checked log.
#[derive(Default)]
pub struct Log {
    pub joins: Vec<Record>,
    pub pace: Vec<Record>,
}

/// Checks it all and hands out what the replay needs.
pub fn check(files: &Files, pinned: Option<&str>, report: &mut Report) -> Log {
    let faults = &mut report.faults;
    let keys = keys(&files.keys, pinned, faults);
    let heads: Vec<Head> = lines("heads", &files.heads, faults);
    let lanes: [Vec<Line>; 3] = [0, 1, 2].map(|nth| lines(LANES[nth], &files.lanes[nth], faults));
    report.heads = heads.len();
    report.records = lanes.each_ref().map(Vec::len);
    let Some(first) = heads.first() else {
        faults.push(Fault { part: "heads", version: 0, what: "there is no signed head".to_owned() });
        return Log::default();
    };
    check_heads(&heads, &keys, &lanes, faults);
    let scopes = [first.sale_id.0, first.sale_id.0, first.event_id.0];
    for ((lane, part), scope) in lanes.iter().zip(LANES).zip(scopes) {
        let (mut previous, mut at_ms) = ("", i64::MIN);
        for (line, version) in lane.iter().zip(1..) {
            let mut fault = |what: &str| faults.push(Fault { part, version, what: what.to_owned() });
            if line.version != version {
                fault(&format!("version {} stands here: one is missing or twice", line.version));
            }
            if line.at_ms < at_ms {
                fault("its time is before that of the record before");
            }
            if line.hash != record_hash(previous, scope, part, line.version, line.at_ms, line.changes.get()) {
                fault("its hash is not that of what it says");
            }
            (previous, at_ms) = (&line.hash, line.at_ms);
        }
    }
    let last = heads.last().unwrap_or(first);
    let signed = ends(last).map(|end| usize::try_from(end.version).unwrap_or(0));
    report.unsigned = lanes.iter().zip(signed).map(|(lane, signed)| lane.len().saturating_sub(signed)).sum();
    let [joins, pace, seats] = lanes;
    records("seats", seats, faults);
    Log { joins: records("joins", joins, faults), pace: records("pace", pace, faults) }
}

/// What the records say.
fn records(part: &'static str, lines: Vec<Line>, faults: &mut Vec<Fault>) -> Vec<Record> {
    let read = lines.into_iter().filter_map(|line| match serde_json::from_str(line.changes.get()) {
        Ok(changes) => Some(Record { version: line.version, at_ms: line.at_ms, changes }),
        Err(fault) => {
            let what = format!("it says what this program does not know: {fault}");
            faults.push(Fault { part, version: line.version, what });
            None
        }
    });
    read.collect()
}

/// The lines of a file. One that is not, to the byte, what its reading would be written as, is a fault.
fn lines<T: DeserializeOwned + Serialize>(part: &'static str, text: &str, faults: &mut Vec<Fault>) -> Vec<T> {
    let mut read = Vec::new();
    for (line, nth) in text.split_inclusive('\n').zip(1..) {
        let mut fault = |what: String| faults.push(Fault { part, version: nth, what });
        match serde_json::from_str::<T>(line) {
            Err(why) => fault(format!("the file's line {nth} cannot be read: {why}")),
            Ok(value) => {
                if serde_json::to_string(&value).is_ok_and(|written| written + "\n" != line) {
                    fault(format!("the file's line {nth} is not written as it was published"));
                }
                read.push(value);
            }
        }
    }
    read
}

fn keys(text: &str, pinned: Option<&str>, faults: &mut Vec<Fault>) -> LogKeys {
    let mut fault = |version, what: String| faults.push(Fault { part: "keys", version, what });
    let keys: LogKeys = match serde_json::from_str(text) {
        Ok(keys) => keys,
        Err(why) => {
            fault(1, format!("the keys cannot be read: {why}"));
            return LogKeys { keys: Vec::new() };
        }
    };
    if serde_json::to_string(&keys).is_ok_and(|written| written != text) {
        fault(1, "the keys are not written as they were published".to_owned());
    }
    for (key, nth) in keys.keys.iter().zip(1..) {
        if !key.is_whole() {
            fault(nth, format!("key {:?} has another id than its bytes", key.key_id));
        }
    }
    let keys = keys.keys.into_iter().filter(|key| pinned.is_none_or(|pinned| key.key_id == pinned));
    LogKeys { keys: keys.collect() }
}

fn ends(head: &Head) -> [&LaneEnd; 3] {
    [&head.joins, &head.pace, &head.seats]
}

fn check_heads(heads: &[Head], keys: &LogKeys, lanes: &[Vec<Line>; 3], faults: &mut Vec<Fault>) {
    let mut before: Option<&Head> = None;
    for (head, seq) in heads.iter().zip(1..) {
        let mut fault = |what: String| faults.push(Fault { part: "heads", version: seq, what });
        if !keys.keys.iter().any(|key| head.is_signed_by(key)) {
            fault("no known key signed it".to_owned());
        }
        if head.seq != seq {
            fault(format!("head {} stands here: one is missing or twice", head.seq));
        }
        if head.previous != before.map_or("", |before| &before.hash) {
            fault("it does not follow the head before".to_owned());
        }
        if let Some(before) = before {
            if (head.sale_id, head.event_id) != (before.sale_id, before.event_id) {
                fault("it is of another sale".to_owned());
            }
            if head.at_ms < before.at_ms
                || ends(head).iter().zip(ends(before)).any(|(now, then)| now.version < then.version)
            {
                fault("it goes back behind the head before".to_owned());
            }
        }
        for ((end, lane), part) in ends(head).into_iter().zip(lanes).zip(LANES) {
            let stands = match end.version {
                0 => Some(""),
                version => {
                    usize::try_from(version - 1).ok().and_then(|nth| lane.get(nth)).map(|line| line.hash.as_str())
                }
            };
            if stands != Some(end.hash.as_str()) {
                fault(format!("version {} of the {part} lane has not the hash that was signed", end.version));
            }
        }
        before = Some(head);
    }
}
