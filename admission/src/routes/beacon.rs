//! Carrying the beacon's value in by hand, where the network cannot: verified before it is kept, so that it cannot be chosen.

use axum::extract::State;
use axum::http::StatusCode;
use contracts::accounts::Role;
use contracts::draws::CarryBeacon;
use contracts::ids::SaleId;
use contracts::problem::Problem;
use contracts::server::{Account, Id, Json};
use domain::draw::{CommitmentStatement, RosterStatement, round_after_close, verify_beacon};

use super::change::stated;
use super::{allowed, problem};
use crate::Admission;

/// Carries in the signature of the round that the draw waits for, as any relay of the chain has it. Again does nothing.
#[utoipa::path(post, path = "/v1/sales/{sale}/admission/beacon", tag = "admission", security(("bearer" = [])),
    params(("sale" = SaleId, Path)), request_body = CarryBeacon,
    responses((status = 204),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn carry(
    State(admission): State<Admission>,
    Id(sale): Id<SaleId>,
    account: Account,
    Json(body): Json<CarryBeacon>,
) -> Result<StatusCode, Problem> {
    allowed(&admission, sale, account, &[Role::Operator]).await?;
    let reason = stated(&body.reason)?;
    let refused = |code: &str, title: &str, detail: &str| Err(Problem::conflict(code, title, detail));
    let not_yet = "the draw's commitment is published when the lobby opens, and its roster when it has closed";
    let Some(row) = admission.store.draw(sale.0).await.map_err(problem)? else {
        return refused("draw-not-closed", "The lobby is not closed", not_yet);
    };
    let before: CommitmentStatement = serde_json::from_slice(&row.commitment.json).map_err(|_| Problem::internal())?;
    let Some(rule) = before.beacon else {
        return refused("no-beacon", "This draw has no beacon", "its commitment says so; nothing can be carried in");
    };
    if row.draw.is_some() {
        return refused("drawn", "The lobby is drawn", "the draw is made once, and it is published");
    }
    let Some((roster, _)) = row.roster else {
        return refused("draw-not-closed", "The lobby is not closed", not_yet);
    };
    let roster: RosterStatement = serde_json::from_slice(&roster.json).map_err(|_| Problem::internal())?;
    let round = round_after_close(&rule.chain, roster.closed_ms, rule.delay_s);
    if let Some(chain) = body.chain.filter(|chain| *chain != rule.chain.hash.to_string()) {
        let asked =
            format!("chain: {chain} is another chain; the rule asks for {} ({})", rule.chain.hash, rule.chain.name);
        return Err(Problem::invalid(asked));
    }
    if body.round != round {
        let asked = format!("round: the rule asks for round {round} of {}, not for {}", rule.chain.name, body.round);
        return Err(Problem::invalid(asked));
    }
    let signature = hex::decode(&body.signature)
        .map_err(|_| Problem::invalid("signature: must be hexadecimal digits, as the chain's relays print it"))?;
    verify_beacon(&rule.chain, round, &signature).map_err(|fault| Problem::invalid(format!("signature: {fault}")))?;
    admission.store.carry_beacon(sale.0, account.0, round, &signature, reason).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}
