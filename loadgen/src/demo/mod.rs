//! One whole sale without a browser: starts everything, sends a crowd, breaks something if asked to, judges, reports.

pub mod breaking;
pub mod cast;
pub mod operating;
pub mod report;
pub mod settle;
pub mod shape;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{bail, ensure};
use chassis::clock::Clock;
use contracts::ids::EventId;
use contracts::sales::{Sale, SaleDraft, Seating};

use crate::checker::{self, Facts, History, Tales};
use crate::cli::DemoArgs;
use crate::crowd::CrowdOrder;
use crate::crowd::live::Numbers;
use crate::crowd::order::Manner;
use crate::stage::office::Office;
use crate::stage::{Setup, Stage, arena};
use breaking::Breaking;
use cast::Cast;
use operating::Operating;
use report::Report;
use settle::Published;
use shape::Shape;

/// The crowd goes home after this, from the start of the program: a demo ends within five minutes, unless its sale lasts longer.
const CROWD_UNTIL_MS: i64 = 250_000;
/// Above this many sockets Usher serves them from several processes.
const SOCKETS_PER_PROCESS: u32 = 12_000;

/// `loadgen demo`.
pub async fn run(args: DemoArgs, clock: Clock) -> anyhow::Result<ExitCode> {
    ensure!(args.fans > 0, "--fans must be at least 1");
    if let Some(role) = args.kill {
        ensure!(args.split || !role.needs_split(), "--kill {} needs --split: only then it is a process", role.word());
    }
    let started_ms = clock.now_ms();
    let (data, temporary) = match &args.data {
        Some(path) => (std::path::absolute(path)?, false),
        None => (temporary_folder(&clock)?, true),
    };
    let setup = Setup {
        data: data.clone(),
        port: None,
        split: args.split,
        realtime_processes: args.fans.div_ceil(SOCKETS_PER_PROCESS),
        // A demo is short: its fans are told several heads all the same.
        env: vec![("USHER_ADMISSION__HEAD_EVERY_MS".to_owned(), "5000".to_owned())],
        quiet: true,
    };
    say(started_ms, &clock, &format!("starting, in {}", data.display()));
    let outcome = tokio::select! {
        started = Stage::start(&setup) => match started {
            Ok(mut stage) => {
                let outcome = on_stage(&mut stage, &args, &clock, started_ms).await;
                stage.stop().await;
                outcome
            }
            Err(fault) => Err(fault),
        },
        () = stopped() => {
            crate::stage::leftovers::end_all(&data.join("run")).await?;
            bail!("stopped before everything had started")
        }
    };
    let well = outcome.as_ref().is_ok_and(|report| report.violations.is_empty());
    if temporary && (well || !args.keep) {
        // A folder that cannot be removed is litter, no failure of the sale.
        let _ = std::fs::remove_dir_all(&data);
    } else {
        eprintln!("loadgen: logs and data are in {}", data.display());
    }
    let report = outcome?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn on_stage(stage: &mut Stage, args: &DemoArgs, clock: &Clock, started_ms: i64) -> anyhow::Result<Report> {
    let base = stage.base.clone();
    tokio::select! {
        report = sale(stage_view(stage), args, clock, started_ms) => report,
        ended = stage.usher_ended() => bail!("{ended}"),
        () = stopped() => bail!("stopped by a signal; {base} is stopping"),
    }
}

/// What the sale needs of the stage, while the stage itself watches over its processes.
struct StageView {
    base: String,
    provider: String,
    payment_key: String,
    data: PathBuf,
    env: Vec<(String, String)>,
}

fn stage_view(stage: &Stage) -> StageView {
    StageView {
        base: stage.base.clone(),
        provider: stage.provider.clone(),
        payment_key: stage.secrets.payment_key.clone(),
        data: stage.data.clone(),
        env: stage.usher_env(),
    }
}

async fn sale(stage: StageView, args: &DemoArgs, clock: &Clock, started_ms: i64) -> anyhow::Result<Report> {
    let longer_s = args.lasts.map_or(0, |lasts_s| lasts_s.saturating_sub(110));
    let until_ms = started_ms + CROWD_UNTIL_MS + 2_000 * i64::from(longer_s);
    let seats = args.seats.unwrap_or((args.fans * 3 / 8).max(4));
    let shape = Shape::new(seats, args.lasts);
    let before_ms = clock.now_ms();
    let office = Office::open(&stage.base, clock.clone(), until_ms + 60_000).await?;
    // The office just made two accounts and looked for them first: so long, about, does the desk take for four.
    let account_ms = (clock.now_ms() - before_ms) / 4;
    let map = arena::arena("Demo Arena", seats - shape.standing, shape.standing);
    let event = office.event("Demo Night", &map).await?;
    let lobby_opens_at_ms = clock.now_ms() + 2_500 + i64::from(args.fans) * (account_ms / 25 + 1).min(5);
    let opens_at_ms = lobby_opens_at_ms + lobby_ms(args.fans);
    let draft = SaleDraft {
        lobby_opens_at_ms: Some(lobby_opens_at_ms),
        seating: if args.pick { Seating::Pick } else { Seating::Assign },
        ..shape.draft(opens_at_ms, until_ms + 600_000)
    };
    let sale = office.sale(event.event_id, &draft).await?;
    let lobby_in_ms = lobby_opens_at_ms - clock.now_ms();
    say(started_ms, clock, &format!("sale of {seats} seats: the lobby opens in {lobby_in_ms} ms"));

    let order =
        order(&stage, args, &sale, &map.tiers.iter().map(|tier| tier.id.clone()).collect::<Vec<_>>(), &shape, until_ms);
    let mut cast = Cast::start(&order, clock).await?;
    let mut breaking = Breaking::new(args, &stage.data);
    let mut operating = Operating::new(args, sale.sale_id, sale.draft.rate_per_minute);
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    let mut lines = 0;
    loop {
        tick.tick().await;
        let (now, now_ms) = (cast.numbers(), clock.now_ms());
        breaking.watch(now, seats, clock, opens_at_ms).await;
        operating.watch(now, seats, clock, &office).await;
        if (now_ms - started_ms) / 5_000 > lines {
            lines = (now_ms - started_ms) / 5_000;
            say(started_ms, clock, &progress(now, args.fans, seats));
        }
        if now.ended >= i64::from(args.fans) || cast.is_over() {
            break;
        }
        if now_ms > until_ms {
            cast.send_home();
            break;
        }
    }
    say(started_ms, clock, "every story has ended or the time is up; letting money settle");
    let money = settle::Money::new(&stage.provider, &stage.payment_key, clock)?;
    money.settle(Duration::from_secs(25)).await?;
    let stories = cast.finish().await?;
    let intents = money.intents().await?;

    let key: settle::TicketKey = office.get("/v1/ticket-key").await?;
    say(started_ms, clock, "judging");
    let (published, faults) = settle::published(&stage.base, sale.sale_id, &stage.data.join("published")).await?;
    let Published { numbers, heads } = published;
    let facts =
        Facts { event: event.event_id, capacity: seats, picks: args.pick, paces: operating.paces(), numbers, heads };
    let history = History { facts, stories, faults: breaking.faults(), intents, ticket_key: key.bytes()? };
    let mut violations: Vec<String> =
        checker::check(&history).into_iter().map(|what| format!("crowd: {what}")).collect();
    let tales = Tales::of(&history);
    let foresight = operating.foresight(&tales);
    violations.extend(faults);
    violations.extend(breaking.complaints());
    violations.extend(operating.complaints(foresight.as_ref()));
    violations.extend(settle::verify(&stage.data, &stage.env, breaking.slack_ms()).await);
    if args.keep || !violations.is_empty() {
        keep_diaries(&stage.data, &history)?;
    }
    let duration_s = (clock.now_ms() - started_ms) as f64 / 1_000.0;
    Ok(Report::new(&history, &tales, violations, breaking.told(&tales), foresight, duration_s, args.seed))
}

/// Writes down what the fans saw, for whoever looks into what went wrong: one line of JSON per story.
fn keep_diaries(data: &Path, history: &History) -> anyhow::Result<()> {
    let mut file = BufWriter::new(File::create(data.join("logs/diaries.jsonl"))?);
    for story in &history.stories {
        serde_json::to_writer(&mut file, story)?;
        file.write_all(b"\n")?;
    }
    Ok(file.flush()?)
}

fn order(
    stage: &StageView,
    args: &DemoArgs,
    sale: &Sale,
    tiers: &[String],
    shape: &Shape,
    until_ms: i64,
) -> CrowdOrder {
    let event: EventId = sale.event_id;
    CrowdOrder {
        base: stage.base.clone(),
        sale: sale.sale_id,
        event,
        picks: sale.draft.seating == Seating::Pick,
        tiers: tiers.to_vec(),
        seed: args.seed,
        first: 0,
        count: args.fans,
        opens_at_ms: sale.draft.opens_at_ms,
        until_ms,
        hold_ttl_ms: sale.draft.hold_ttl_ms,
        presence_ms: sale.draft.presence_ms,
        grace_ms: sale.draft.grace_ms,
        manner: Manner {
            at_opening_percent: 70,
            // Some press the button too early and are told when to come; some miss the draw.
            opening_ms: (-lobby_ms(args.fans) - 300, 200),
            later_spread_ms: shape.lasts_ms / 2,
            think_ms: (800, 4_000),
            rejoin: sale.draft.rejoin,
            alike: None,
            look_back: true,
        },
    }
}

/// How long the lobby is open.
fn lobby_ms(fans: u32) -> i64 {
    1_500 + i64::from(fans) / 2
}

fn progress(now: Numbers, fans: u32, seats: u32) -> String {
    format!(
        "{} of {fans} ready, {} joined, {} let in, {} holding, {} of {seats} seats sold, {} stories ended",
        now.ready, now.joined, now.admitted, now.holding, now.sold, now.ended
    )
}

fn say(started_ms: i64, clock: &Clock, what: &str) {
    eprintln!("{:6.1} s  {what}", (clock.now_ms() - started_ms) as f64 / 1_000.0);
}

/// A new folder for a run that leaves nothing behind.
pub fn temporary_folder(clock: &Clock) -> anyhow::Result<PathBuf> {
    // Short: paths of Unix sockets end at 107 bytes. Readable by all: Postgres runs as another user where we are root.
    let name = format!("usher-demo-{}", &chassis::ids::new(clock).simple().to_string()[20..]);
    let path = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&path)?;
    Ok(path)
}

/// Waits for Ctrl-C or SIGTERM.
pub async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        // Without signals there is nothing to wait for, ever.
        _ => std::future::pending().await,
    }
}
