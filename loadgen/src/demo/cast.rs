//! The crowd of a demo, in this process or in several of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use chassis::clock::Clock;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::crowd::live::Numbers;
use crate::crowd::worker::{FANS_PER_PROCESS, Worker};
use crate::crowd::{self, CrowdOrder, Live, Story};

/// How long the crowd may take to look back at its places and bookings.
const LOOK_BACK_WITHIN: Duration = Duration::from_mins(1);

/// A crowd at work. Dropping it ends it.
#[derive(Debug)]
pub struct Cast {
    here: Arc<Live>,
    elsewhere: Arc<Mutex<Vec<Numbers>>>,
    closing: CancellationToken,
    stop: CancellationToken,
    over: Arc<AtomicBool>,
    parts: JoinSet<anyhow::Result<Vec<Story>>>,
}

impl Cast {
    /// Sends the crowd.
    pub async fn start(order: &CrowdOrder, clock: &Clock) -> anyhow::Result<Self> {
        let processes = order.count.div_ceil(FANS_PER_PROCESS);
        let mut cast = Self {
            here: Arc::default(),
            elsewhere: Arc::new(Mutex::new(vec![Numbers::default(); processes as usize])),
            closing: CancellationToken::new(),
            stop: CancellationToken::new(),
            over: Arc::default(),
            parts: JoinSet::new(),
        };
        if processes <= 1 {
            let crowd = crowd::run(order.clone(), cast.here.clone(), clock.clone(), cast.stop.clone());
            cast.spawn(crowd);
            return Ok(cast);
        }
        for part in 0..processes {
            let first = order.first + order.count * part / processes;
            let end = order.first + order.count * (part + 1) / processes;
            let worker = Worker::start(&CrowdOrder { first, count: end - first, ..order.clone() }).await?;
            let elsewhere = cast.elsewhere.clone();
            let hear = move |numbers| elsewhere.lock().unwrap_or_else(PoisonError::into_inner)[part as usize] = numbers;
            let followed = worker.follow(hear, cast.closing.clone(), cast.stop.clone());
            cast.spawn(followed);
        }
        Ok(cast)
    }

    fn spawn(&mut self, part: impl Future<Output = anyhow::Result<Vec<Story>>> + Send + 'static) {
        let over = self.over.clone();
        self.parts.spawn(async move {
            let stories = part.await;
            // A part that ends before it is asked to look back has failed: nobody should wait for it.
            over.store(true, Ordering::Relaxed);
            stories
        });
    }

    /// The numbers of all parts.
    pub fn numbers(&self) -> Numbers {
        let elsewhere = self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner);
        elsewhere.iter().fold(self.here.numbers(), |all, part| all.plus(*part))
    }

    /// Whether a part ended already.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Ends every story where it is.
    pub fn send_home(&self) {
        self.stop.cancel();
    }

    /// Has everybody look back, and collects the stories.
    pub async fn finish(&mut self) -> anyhow::Result<Vec<Story>> {
        self.here.closing.store(true, Ordering::Relaxed);
        self.closing.cancel();
        let mut stories = Vec::new();
        let all = async {
            while let Some(part) = self.parts.join_next().await {
                stories.extend(part??);
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(LOOK_BACK_WITHIN, all).await.context("the crowd did not finish looking back")??;
        stories.sort_by_key(|story| story.fan);
        Ok(stories)
    }
}
