//! An operator at work during a sale: changes of the pace, a pause, and a change that is previewed and then held against what came.

use std::collections::VecDeque;

use anyhow::Context as _;
use chassis::clock::Clock;
use contracts::consoles::{AdmissionView, PreviewView};
use contracts::ids::SaleId;
use reqwest::Method;
use serde::Serialize;
use serde_json::json;

use crate::checker::{Pace, Tales};
use crate::cli::DemoArgs;
use crate::crowd::live::Numbers;
use crate::stage::office::Office;

/// How long a pause lasts.
const PAUSE_MS: i64 = 5_000;
/// A preview is right when what came differs from it by no more than this, in percent.
const OFF_PERCENT: f64 = 15.0;
const REASON: &str = "the demo's operator at work";

/// Something to do once so many percent of the seats are sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// Sets the pace to this, in percent of the first.
    Pace(u32),
    /// Lets nobody in for a while.
    Pause,
    /// Asks what this pace would do, sets it, and remembers the answer.
    Foresee(u32),
}

/// What was to be done, and what came of it.
#[derive(Debug)]
pub struct Operating {
    sale: SaleId,
    first: u32,
    acts: VecDeque<(i64, Act)>,
    resumes_at_ms: Option<i64>,
    paces: Vec<Pace>,
    foreseen: Option<PreviewView>,
    complaints: Vec<String>,
}

/// A preview and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Foresight {
    /// Parties that waited when it was asked.
    waiting: u64,
    /// How long the answer took, in milliseconds.
    took_ms: u64,
    told: Outlook,
    came: Outlook,
}

/// In seconds from the preview.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Outlook {
    wait_p50_s: f64,
    wait_p90_s: f64,
    sold_out_s: f64,
}

impl Operating {
    /// What the command line asks for.
    pub fn new(args: &DemoArgs, sale: SaleId, per_minute: u32) -> Self {
        let mut acts = VecDeque::new();
        if args.preview {
            acts.push_back((25, Act::Foresee(200)));
        }
        if args.operate {
            acts.extend([(10, Act::Pace(150)), (22, Act::Pace(100)), (35, Act::Pause), (45, Act::Pace(200))]);
        }
        let paces = vec![Pace { asked_ms: 0, by_ms: 0, per_minute }];
        Self { sale, first: per_minute, acts, resumes_at_ms: None, paces, foreseen: None, complaints: Vec::new() }
    }

    /// Looks whether the moment for the next act has come.
    pub async fn watch(&mut self, now: Numbers, seats: u32, clock: &Clock, office: &Office) {
        let sold_pct = now.sold * 100 / i64::from(seats.max(1));
        let done = if let Some(at_ms) = self.resumes_at_ms {
            if clock.now_ms() < at_ms {
                return;
            }
            self.resumes_at_ms = None;
            self.make(clock, office, Method::POST, "/resume", json!({})).await
        } else if self.acts.front().is_some_and(|(percent, _)| sold_pct >= *percent)
            && let Some((_, act)) = self.acts.pop_front()
        {
            eprintln!("loadgen: the operator's turn at {sold_pct} % sold: {act:?}");
            self.act(act, clock, office).await
        } else {
            return;
        };
        if let Err(fault) = done {
            self.complaints.push(format!("crowd: operator: {fault:#}"));
        }
    }

    async fn act(&mut self, act: Act, clock: &Clock, office: &Office) -> anyhow::Result<()> {
        let rate = |percent: u32| json!({ "rate_per_minute": self.first * percent / 100 });
        match act {
            Act::Pace(percent) => self.make(clock, office, Method::PATCH, "", rate(percent)).await,
            Act::Pause => {
                self.resumes_at_ms = Some(clock.now_ms() + PAUSE_MS);
                self.make(clock, office, Method::POST, "/pause", json!({})).await
            }
            Act::Foresee(percent) => {
                let path = format!("/v1/sales/{}/admission/preview", self.sale);
                let told: PreviewView = office.operate(Method::POST, &path, rate(percent)).await?;
                eprintln!("loadgen: a preview over {} waiting took {} ms", told.waiting, told.took_ms);
                self.foreseen = Some(told);
                self.make(clock, office, Method::PATCH, "", rate(percent)).await
            }
        }
    }

    async fn make(
        &mut self,
        clock: &Clock,
        office: &Office,
        method: Method,
        path: &str,
        mut body: serde_json::Value,
    ) -> anyhow::Result<()> {
        let asked_ms = clock.now_ms();
        body["reason"] = REASON.into();
        let path = format!("/v1/sales/{}/admission{path}", self.sale);
        let view: AdmissionView = office.operate(method, &path, body).await.with_context(|| path.clone())?;
        self.paces.push(Pace { asked_ms, by_ms: view.server_now_ms, per_minute: view.rate_in_force });
        Ok(())
    }

    /// The paces that were in force, for the checker.
    pub fn paces(&self) -> Vec<Pace> {
        self.paces.clone()
    }

    /// How the preview compares to what came, of those who waited then.
    pub fn foresight(&self, tales: &Tales<'_>) -> Option<Foresight> {
        let told = self.foreseen.as_ref()?;
        let from_ms = told.server_now_ms;
        let seconds = |ms: i64| (ms - from_ms) as f64 / 1_000.0;
        let reached = tales
            .places
            .values()
            .filter(|tale| tale.joined_at_ms <= from_ms)
            .filter_map(crate::checker::tales::PlaceTale::admitted);
        let mut waits: Vec<i64> = reached.map(|(at_ms, _)| at_ms).filter(|at_ms| *at_ms > from_ms).collect();
        waits.sort_unstable();
        let share = |percent: usize| waits.get(waits.len() * percent / 100).map_or(0.0, |at_ms| seconds(*at_ms));
        let sold_out_ms = tales.holds.values().filter_map(|hold| hold.booked_ms).max().unwrap_or(0);
        let all = |value: Option<u32>| value.map_or(0.0, f64::from);
        Some(Foresight {
            waiting: told.waiting,
            took_ms: told.took_ms,
            told: Outlook {
                wait_p50_s: all(told.with.wait_p50_s),
                wait_p90_s: all(told.with.wait_p90_s),
                sold_out_s: told.with.sold_out_at_ms.map_or(0.0, seconds),
            },
            came: Outlook { wait_p50_s: share(50), wait_p90_s: share(90), sold_out_s: seconds(sold_out_ms) },
        })
    }

    /// What did not go as asked.
    pub fn complaints(&self, foresight: Option<&Foresight>) -> Vec<String> {
        let left =
            self.acts.iter().map(|(percent, act)| format!("crowd: operator: {percent} % sold never came for {act:?}"));
        self.complaints
            .iter()
            .cloned()
            .chain(left)
            .chain(foresight.into_iter().flat_map(Foresight::complaints))
            .collect()
    }
}

impl Foresight {
    fn complaints(&self) -> Vec<String> {
        let of = |outlook: Outlook| {
            [("p50 of the waits", outlook.wait_p50_s), ("p90", outlook.wait_p90_s), ("sell-out", outlook.sold_out_s)]
        };
        let pairs = of(self.told).into_iter().zip(of(self.came));
        let off = pairs.filter(|((_, told), (_, came))| (told - came).abs() > came * OFF_PERCENT / 100.0);
        off.map(|((what, told), (_, came))| {
            format!("crowd: preview: {what}: told {told:.1} s, came {came:.1} s; more than {OFF_PERCENT} % apart")
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_that_was_wrong_is_told() {
        let told = Outlook { wait_p50_s: 10.0, wait_p90_s: 20.0, sold_out_s: 40.0 };
        let right = Foresight { waiting: 5, took_ms: 1, told, came: Outlook { wait_p50_s: 11.4, ..told } };
        assert_eq!(right.complaints(), Vec::<String>::new());
        let wrong = Foresight { came: Outlook { sold_out_s: 34.0, ..told }, ..right };
        assert_eq!(wrong.complaints().len(), 1);
        assert!(wrong.complaints()[0].contains("sell-out"), "{:?}", wrong.complaints());
    }
}
