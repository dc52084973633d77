//! Access codes and lists of invitations, for a sale's promoters; who came by them, for all members.

use std::collections::HashSet;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chassis::ids;
use contracts::access::{Code, Codes, EntryClass, EntryView, Imported, MadeCode, NewCode, Uninvite};
use contracts::ids::{CodeId, SaleId};
use contracts::problem::Problem;
use contracts::server::{Account, Id, Json, Query};
use domain::access::{normal_code, visible_prefix};
use domain::order::Class;
use serde::Deserialize;
use store::entry::{self, CodeMade, Invitation};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::desk::{Desk, problem};
use crate::drafts::{Faults, TIMES_MS};
use crate::entry_keys::random_code;
use crate::limits::{Reads, Within};
use crate::organisations::Writer;
use crate::passwords::normal_email;
use crate::sheet::{self, Csv};

/// Codes in one answer, at most.
const LISTED_MAX: u32 = 1_000;
const USES: std::ops::RangeInclusive<i64> = 1..=1_000_000;
const CLASSES: std::ops::RangeInclusive<i64> = 1..=9;
const LABEL_MAX: usize = 100;
const BAD_CODE: &str = "must be 6 to 64 letters and digits, besides dashes and spaces";
const BAD_LABEL: &str = "must be at most 100 characters, without line breaks";

/// Makes a code. It takes no idempotency key, since the answer has a secret that we do not keep: who lost it ends the code and
/// makes another.
#[utoipa::path(post, path = "/v1/sales/{sale}/codes", operation_id = "make_code", tag = "entry", security(("bearer" = [])),
    params(("sale" = SaleId, Path)), request_body = NewCode,
    responses((status = 201, body = MadeCode),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn make(
    State(desk): State<Desk>,
    Writer(account): Writer,
    Id(sale): Id<SaleId>,
    Json(new): Json<NewCode>,
) -> Result<Response, Problem> {
    must_promote(&desk, account, sale).await?;
    let code = match new.code {
        Some(code) => code,
        None => random_code()?,
    };
    let normal = normal_code(&code.0);
    let mut faults = Faults::default();
    faults.must(normal.is_some(), || format!("code: {BAD_CODE}"));
    faults.range("uses_max", new.uses_max.into(), USES);
    if let Some(at_ms) = new.expires_at_ms {
        faults.time("expires_at_ms", at_ms);
    }
    if let Some(class) = new.class {
        faults.range("class", class.into(), CLASSES);
    }
    faults.must(is_label(&new.label), || format!("label: {BAD_LABEL}"));
    faults.none()?;
    let normal = normal.unwrap_or_default();
    let made = entry::NewCode {
        id: ids::new(&desk.clock),
        hash: desk.entry_keys.code(sale.0, &normal),
        prefix: visible_prefix(&normal).to_owned(),
        label: new.label,
        class: new.class.map(Class),
        uses_max: new.uses_max,
        expires_at_ms: new.expires_at_ms,
    };
    match desk.store.make_code(sale.0, account, &made).await.map_err(|fault| problem(&fault))? {
        CodeMade::Done => Ok((StatusCode::CREATED, Json(MadeCode { code_id: CodeId(made.id), code })).into_response()),
        CodeMade::Exists => {
            Err(Problem::conflict("code-exists", "The sale has this code", "end it, or choose another one"))
        }
    }
}

/// How a list of codes is read on.
#[derive(Debug, Deserialize, IntoParams)]
pub struct After {
    /// The last one seen.
    after: Option<CodeId>,
    /// 1 to 1,000.
    limit: Option<u32>,
}

/// A sale's codes, oldest first, for members.
#[utoipa::path(get, path = "/v1/sales/{sale}/codes", operation_id = "codes", tag = "entry", security(("bearer" = [])),
    params(("sale" = SaleId, Path), After),
    responses((status = 200, body = Codes),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list(
    State(desk): State<Desk>,
    _: Within<Reads>,
    Account(account): Account,
    Id(sale): Id<SaleId>,
    Query(page): Query<After>,
) -> Result<Json<Codes>, Problem> {
    let _turn = desk.read_turn().await?;
    must_be_member(&desk, account, sale).await?;
    let limit = page.limit.unwrap_or(LISTED_MAX).clamp(1, LISTED_MAX);
    let after = page.after.map_or(Uuid::nil(), |after| after.0);
    let rows = desk.store.codes(sale.0, after, limit.into()).await.map_err(|fault| problem(&fault))?;
    let codes = rows.into_iter().map(|row| Code {
        code_id: CodeId(row.id),
        prefix: row.prefix,
        label: row.label,
        class: row.class.map(|class| class.0),
        uses_max: row.uses_max,
        uses: row.uses,
        expires_at_ms: row.expires_at_ms,
    });
    Ok(Json(Codes { codes: codes.collect() }))
}

/// Ends a code: nobody joins by it any more, who did stays.
#[utoipa::path(delete, path = "/v1/sales/{sale}/codes/{code}", operation_id = "end_code", tag = "entry", security(("bearer" = [])),
    params(("sale" = SaleId, Path), ("code" = CodeId, Path)),
    responses((status = 204),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn end(
    State(desk): State<Desk>,
    Writer(account): Writer,
    Id((sale, code)): Id<(SaleId, CodeId)>,
) -> Result<StatusCode, Problem> {
    must_promote(&desk, account, sale).await?;
    let ended = desk.store.end_code(sale.0, account, code.0).await.map_err(|fault| problem(&fault))?;
    if ended { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found("code")) }
}

/// How a list is imported.
#[derive(Debug, Deserialize, IntoParams)]
pub struct How {
    /// Whether good lines are imported also where others have faults.
    #[serde(default)]
    partial: bool,
}

/// Imports codes: CSV with the columns `code`, and `uses_max`, `expires_at_ms`, `class`, `label` if wanted. All or nothing,
/// unless `partial=true`.
#[utoipa::path(post, path = "/v1/sales/{sale}/codes/import", operation_id = "import_codes", tag = "entry", security(("bearer" = [])),
    params(("sale" = SaleId, Path), How), request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = Imported),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn import(
    State(desk): State<Desk>,
    Writer(account): Writer,
    Id(sale): Id<SaleId>,
    Query(how): Query<How>,
    Csv(bytes): Csv,
) -> Result<Json<Imported>, Problem> {
    must_promote(&desk, account, sale).await?;
    let keeper = desk.clone();
    // A hundred thousand hashes take a while.
    let read = tokio::task::spawn_blocking(move || read_codes(&keeper, sale, &bytes)).await;
    let (codes, mut faults) = read.map_err(|_| Problem::internal())??;
    if !how.partial && !faults.is_empty() {
        return Err(faults.refused());
    }
    let (lines, codes): (Vec<u64>, Vec<entry::NewCode>) = codes.into_iter().unzip();
    let done = desk.store.import_codes(sale.0, account, &codes, how.partial).await.map_err(|fault| problem(&fault))?;
    for at in &done.existing {
        faults.add(lines[*at], "code", "the sale has it already");
    }
    if !how.partial && !faults.is_empty() { Err(faults.refused()) } else { Ok(Json(faults.imported(done.made))) }
}

type Sheet<T> = (Vec<(u64, T)>, sheet::LineFaults);

fn read_codes(desk: &Desk, sale: SaleId, bytes: &[u8]) -> Result<Sheet<entry::NewCode>, Problem> {
    let mut seen = HashSet::new();
    sheet::read(bytes, &["code", "uses_max", "expires_at_ms", "class", "label"], 1, |line| {
        let normal = line.must((0, "code"), |text| normal_code(text).ok_or(BAD_CODE));
        let uses_max = line.may((1, "uses_max"), |text| within(text, USES, "must be 1 to 1000000"));
        let expires_at_ms = line.may((2, "expires_at_ms"), |text| {
            within(text, TIMES_MS, "must be milliseconds since 1970, in the years 2000 to 2199")
        });
        let class = line.may((3, "class"), |text| within(text, CLASSES, "must be 1 to 9"));
        let label = line.may((4, "label"), label);
        let normal = normal?;
        let hash = desk.entry_keys.code(sale.0, &normal);
        if !seen.insert(hash) {
            line.fault("code", "a line before has the same");
        }
        Some(entry::NewCode {
            id: ids::new(&desk.clock),
            hash,
            prefix: visible_prefix(&normal).to_owned(),
            label: label.unwrap_or_default(),
            class: class.map(|class| Class(class as u8)),
            uses_max: uses_max.unwrap_or(1) as u32,
            expires_at_ms,
        })
    })
}

/// Puts people on the sale's list: CSV with the columns `email`, `class` and `reason`. Who is on it already gets the class and
/// reason of this list. All or nothing, unless `partial=true`.
#[utoipa::path(post, path = "/v1/sales/{sale}/invitations/import", operation_id = "import_invitations", tag = "entry",
    security(("bearer" = [])),
    params(("sale" = SaleId, Path), How), request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = Imported),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn invite(
    State(desk): State<Desk>,
    Writer(account): Writer,
    Id(sale): Id<SaleId>,
    Query(how): Query<How>,
    Csv(bytes): Csv,
) -> Result<Json<Imported>, Problem> {
    must_promote(&desk, account, sale).await?;
    let keeper = desk.clone();
    let read = tokio::task::spawn_blocking(move || read_invitations(&keeper, sale, &bytes)).await;
    let (listed, faults) = read.map_err(|_| Problem::internal())??;
    if !how.partial && !faults.is_empty() {
        return Err(faults.refused());
    }
    let listed: Vec<Invitation> = listed.into_iter().map(|(_, one)| one).collect();
    desk.store.invite(sale.0, account, &listed).await.map_err(|fault| problem(&fault))?;
    Ok(Json(faults.imported(listed.len())))
}

/// Takes an invitation back, by its address. Who joined by it stays.
#[utoipa::path(delete, path = "/v1/sales/{sale}/invitations", operation_id = "uninvite", tag = "entry", security(("bearer" = [])),
    params(("sale" = SaleId, Path)), request_body = Uninvite,
    responses((status = 204),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn uninvite(
    State(desk): State<Desk>,
    Writer(account): Writer,
    Id(sale): Id<SaleId>,
    Json(body): Json<Uninvite>,
) -> Result<StatusCode, Problem> {
    must_promote(&desk, account, sale).await?;
    let hash = desk.entry_keys.email(sale.0, &normal_email(&body.email)?);
    let was = desk.store.uninvite(sale.0, account, &hash).await.map_err(|fault| problem(&fault))?;
    if was { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found("invitation of this address")) }
}

fn read_invitations(desk: &Desk, sale: SaleId, bytes: &[u8]) -> Result<Sheet<Invitation>, Problem> {
    let mut seen = HashSet::new();
    sheet::read(bytes, &["email", "class", "reason"], 3, |line| {
        let email =
            line.must((0, "email"), |text| normal_email(text).map_err(|_| "must be an address like name@example.org"));
        let class = line.must((1, "class"), |text| within(text, CLASSES, "must be 1 to 9"));
        let reason =
            line.must((2, "reason"), |text| if text.is_empty() { Err("must not be empty") } else { label(text) });
        let hash = desk.entry_keys.email(sale.0, &email?);
        if !seen.insert(hash) {
            line.fault("email", "a line before has the same");
        }
        Some(Invitation { hash, class: Class(class? as u8), reason: reason? })
    })
}

/// Who came by what, and how many of them went ahead, for members.
#[utoipa::path(get, path = "/v1/sales/{sale}/entry", operation_id = "entry", tag = "entry", security(("bearer" = [])),
    params(("sale" = SaleId, Path)),
    responses((status = 200, body = EntryView),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn view(
    State(desk): State<Desk>,
    _: Within<Reads>,
    Account(account): Account,
    Id(sale): Id<SaleId>,
) -> Result<Json<EntryView>, Problem> {
    let _turn = desk.read_turn().await?;
    must_be_member(&desk, account, sale).await?;
    let tally = desk.store.entry_tally(sale.0).await.map_err(|fault| problem(&fault))?;
    let classes = tally.rows.into_iter().map(|row| EntryClass {
        class: row.class.0,
        reason: row.reason,
        joined: row.joined,
        admitted: row.admitted,
    });
    Ok(Json(EntryView {
        codes: tally.codes,
        uses_max: tally.uses_max,
        uses: tally.uses,
        invited: tally.invited,
        classes: classes.collect(),
    }))
}

fn within(text: &str, range: std::ops::RangeInclusive<i64>, fault: &'static str) -> Result<i64, &'static str> {
    text.parse().ok().filter(|value| range.contains(value)).ok_or(fault)
}

fn is_label(text: &str) -> bool {
    text.chars().count() <= LABEL_MAX && !text.chars().any(char::is_control)
}

fn label(text: &str) -> Result<String, &'static str> {
    if is_label(text) { Ok(text.to_owned()) } else { Err(BAD_LABEL) }
}

async fn must_promote(desk: &Desk, account: Uuid, sale: SaleId) -> Result<(), Problem> {
    let owner = desk.store.sale_owner(sale.0).await.map_err(|fault| problem(&fault))?;
    let owner = owner.ok_or_else(|| Problem::not_found("sale"))?;
    desk.roles(account, owner.organisation).await?.must_promote("sale", owner.published)
}

async fn must_be_member(desk: &Desk, account: Uuid, sale: SaleId) -> Result<(), Problem> {
    let owner = desk.store.sale_owner(sale.0).await.map_err(|fault| problem(&fault))?;
    let owner = owner.ok_or_else(|| Problem::not_found("sale"))?;
    match desk.roles(account, owner.organisation).await?.is_member() {
        true => Ok(()),
        false if owner.published => Err(Problem::forbidden("only members of its organisation may see this")),
        false => Err(Problem::not_found("sale")),
    }
}
