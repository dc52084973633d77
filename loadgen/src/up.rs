//! The system with a demo sale and a crowd, for people to look at: what `./dev up` runs.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use chassis::clock::Clock;
use contracts::sales::{Entry, Event, Ordering, Sale, SaleDraft, SaleState};
use rustix::fs::{FlockOperation, flock};

use crate::cli::UpArgs;
use crate::crowd::CrowdOrder;
use crate::crowd::order::Manner;
use crate::demo::cast::Cast;
use crate::demo::stopped;
use crate::stage::office::{OPERATOR, Office, PASSWORD, PROMOTER};
use crate::stage::{Setup, Stage, arena, leftovers};

const MINUTE_MS: i64 = 60_000;
/// From the start until a new sale opens.
const OPENS_IN_MS: i64 = 75_000;
/// How long a sale is open.
const SALE_MINUTES: u32 = 45;
/// How long the crowd keeps coming.
const CROWD_MINUTES: u32 = 40;
/// A running sale with less than this left is not worth coming to.
const WORTH_MS: i64 = 5 * MINUTE_MS;
const SEATED: u32 = 12_000;
const STANDING: u32 = 3_000;
/// An event with fewer free seats gets no further sale; a sale sells up to about this many.
const ENOUGH_FREE: u32 = 9_000;
/// At this pace the seats last for more than half an hour: a party let in takes about 1.8 seats on average.
const RATE_MOST: u32 = 270;
/// How many minutes' worth of people stand at the door when a sale opens: about as long does a newcomer wait.
const LINE_TENTHS_OF_MINUTES: u32 = 24;

/// `loadgen up`.
pub async fn run(args: UpArgs, clock: Clock) -> anyhow::Result<ExitCode> {
    let data = std::path::absolute(&args.data)?;
    std::fs::create_dir_all(&data).with_context(|| format!("cannot make the folder {}", data.display()))?;
    let _lock = lock(&data)?;
    if args.fresh {
        clear(&data).await?;
    }
    let setup = Setup {
        data: data.clone(),
        port: Some(args.port),
        split: args.split,
        realtime_processes: args.fans.div_ceil(12_000),
        env: Vec::new(),
        quiet: true,
    };
    eprintln!("starting; logs are in {}", data.join("logs").display());
    let mut stage = tokio::select! {
        stage = Stage::start(&setup) => stage?,
        () = stopped() => {
            leftovers::end_all(&data.join("run")).await?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let base = stage.base.clone();
    let outcome = tokio::select! {
        shown = show(&base, &args, &clock) => shown,
        ended = stage.usher_ended() => Err(anyhow::anyhow!("{ended}")),
        () = stopped() => Ok(()),
    };
    eprintln!("stopping");
    stage.stop().await;
    outcome.map(|()| ExitCode::SUCCESS)
}

/// One `up` per data folder: the lock ends with the process, however that ends.
fn lock(data: &Path) -> anyhow::Result<File> {
    let file = OpenOptions::new().create(true).append(true).open(data.join("lock"))?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        bail!("{} is in use by another run: stop that one, or choose another folder with --data", data.display());
    }
    Ok(file)
}

/// Removes what earlier runs left, after ending what still runs there.
async fn clear(data: &Path) -> anyhow::Result<()> {
    if data.join("run").is_dir() {
        leftovers::end_all(&data.join("run")).await?;
    }
    for entry in std::fs::read_dir(data)? {
        let path = entry?.path();
        if path.ends_with("lock") {
            continue;
        }
        if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) }
            .with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

/// Finds or makes the sale, sends the crowd, says where everything is, and keeps the crowd going for ever.
async fn show(base: &str, args: &UpArgs, clock: &Clock) -> anyhow::Result<()> {
    let office = Office::open(base, clock.clone(), clock.now_ms() + 2 * MINUTE_MS).await?;
    let rate = (args.fans * 10 / (CROWD_MINUTES * 10 + LINE_TENTHS_OF_MINUTES)).clamp(10, RATE_MOST);
    let (event, sale, fresh) = sale(&office, rate, clock.now_ms()).await?;
    let crowd = if args.no_crowd {
        None
    } else {
        Some(Cast::start(&order(base, args, &event, &sale, fresh, clock.now_ms()), clock).await?)
    };
    let wait_s = (sale.draft.opens_at_ms - clock.now_ms()) / 1_000;
    let opens = if wait_s > 0 { format!("opens in {wait_s} s") } else { "is open".to_owned() };
    let mut out = std::io::stdout();
    writeln!(out, "{} of {} {opens}", sale.draft.name, event.draft.name)?;
    writeln!(out, "fan page          {base}/q/{}", sale.sale_id)?;
    writeln!(out, "promoter console  {base}/promoter  {PROMOTER}  password: {PASSWORD}")?;
    writeln!(out, "operator console  {base}/operator  {OPERATOR}  password: {PASSWORD}")?;
    writeln!(out, "ready {base}")?;
    out.flush()?;
    let mut tick = tokio::time::interval(Duration::from_mins(1));
    tick.tick().await;
    loop {
        tick.tick().await;
        if let Some(now) = crowd.as_ref().map(Cast::numbers) {
            eprintln!(
                "crowd: {} came, {} let in, {} holding seats, {} seats bought, {} gone home",
                now.joined, now.admitted, now.holding, now.sold, now.ended
            );
        }
    }
}

/// The running sale, or a new one: of the newest event if it has enough free seats, else of a new event. And whether it is new.
async fn sale(office: &Office, rate: u32, now_ms: i64) -> anyhow::Result<(Event, Sale, bool)> {
    let events = office.events().await?;
    for event in &events {
        let lasting = |sale: &&Sale| {
            sale.draft.closes_at_ms > now_ms + WORTH_MS
                && matches!(
                    sale.state,
                    SaleState::Scheduled | SaleState::Lobby | SaleState::Drawing | SaleState::Open | SaleState::Paused
                )
        };
        if let Some(sale) = event.sales.iter().rev().find(lasting) {
            return Ok((event.clone(), sale.clone(), false));
        }
    }
    let newest = events.into_iter().next();
    let event = match newest {
        Some(event) if office.free(event.event_id).await? >= ENOUGH_FREE => event,
        _ => office.event("Usher Demo Night", &arena::arena("Usher Arena", SEATED, STANDING)).await?,
    };
    let opens_at_ms = now_ms + OPENS_IN_MS;
    let draft = SaleDraft {
        name: "General sale".to_owned(),
        lobby_opens_at_ms: Some(now_ms),
        opens_at_ms,
        closes_at_ms: opens_at_ms + i64::from(SALE_MINUTES) * MINUTE_MS,
        wait_ends_at_ms: None,
        ordering: Ordering::DrawThenFifo,
        entry: Entry::Open,
        seating: contracts::sales::Seating::Assign,
        shop_ms: 300_000,
        party_max: 6,
        rate_per_minute: rate,
        max_active: (rate * 6).max(200),
        hold_ttl_ms: 120_000,
        extension_ms: 60_000,
        grace_ms: 30_000,
        presence_ms: 60_000,
        gather_ms: 10_000,
        answer_ms: 20_000,
        rejoin: true,
        allotment: None,
        beacon: contracts::sales::Beacon::Public,
        unprovable_after_s: None,
    };
    let sale = office.sale(event.event_id, &draft).await?;
    Ok((event, sale, true))
}

fn order(base: &str, args: &UpArgs, event: &Event, sale: &Sale, fresh: bool, now_ms: i64) -> CrowdOrder {
    let crowd_ends_ms = sale.draft.opens_at_ms + i64::from(CROWD_MINUTES) * MINUTE_MS;
    let come_from_ms = sale.draft.opens_at_ms.max(now_ms);
    let left_ms = (crowd_ends_ms - come_from_ms).max(MINUTE_MS);
    let share = left_ms as f64 / (f64::from(CROWD_MINUTES) * MINUTE_MS as f64);
    let count = (f64::from(args.fans) * share).ceil() as u32;
    let line = sale.draft.rate_per_minute * LINE_TENTHS_OF_MINUTES / 10;
    CrowdOrder {
        base: base.to_owned(),
        sale: sale.sale_id,
        event: event.event_id,
        picks: sale.draft.seating == contracts::sales::Seating::Pick,
        tiers: event.tiers.iter().map(|tier| tier.id.clone()).collect(),
        // Those who come to a sale that already runs are other people than those who came before.
        seed: args.seed ^ if fresh { 0 } else { now_ms.unsigned_abs() },
        first: 0,
        count,
        opens_at_ms: come_from_ms,
        until_ms: sale.draft.closes_at_ms,
        hold_ttl_ms: sale.draft.hold_ttl_ms,
        presence_ms: sale.draft.presence_ms,
        grace_ms: sale.draft.grace_ms,
        manner: Manner {
            at_opening_percent: (line * 100).div_ceil(count.max(1)).min(100),
            // Those who come for a new sale come into its lobby.
            opening_ms: (if fresh { 5_000 - OPENS_IN_MS } else { 0 }, 600),
            later_spread_ms: left_ms as u64,
            think_ms: (5_000, 45_000),
            rejoin: true,
            alike: None,
            look_back: false,
        },
    }
}
