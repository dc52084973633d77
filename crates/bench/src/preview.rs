//! What a doubled rate would do to a million who wait, asked by an operator.

use admission::Config;
use anyhow::ensure;
use axum::body::Body;
use axum::http::Request;
use contracts::consoles::PreviewView;
use contracts::ids::SaleId;
use http_body_util::BodyExt as _;
use tokio::time::Instant;
use tower::ServiceExt as _;

use crate::Figure;
use crate::ground::{Ground, Plot, SECRET, papers};

pub async fn run(ground: &Ground, rounds: u32, places: i64) -> anyhow::Result<Vec<Figure>> {
    let plot = ground.plot("preview").await?;
    let clock = &ground.clock;
    let sale = plot.sale(clock, 50_000, None).await?;
    plot.fill(&sale, places, 4).await?;
    // At a rate at which some wait for hours; holds last as long as usual.
    plot.sql("update sale set rate_per_minute = 3000, max_active = 20000").await?;
    plot.settle().await?;
    let papers = papers(clock);
    let token = papers.access_token(Plot::OPERATOR, 3_600_000);
    let role = admission::prepare(Config::default(), SECRET, plot.store.clone(), papers, clock.clone())?;
    let mut seconds = Vec::new();
    for round in 0..rounds {
        let request = Request::post(format!("/v1/sales/{}/admission/preview", SaleId(sale.id)))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(Body::from(r#"{"rate_per_minute": 6000, "reason": "a bench"}"#))?;
        let begun = Instant::now();
        let response = role.router().oneshot(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        let took_s = begun.elapsed().as_secs_f64();
        ensure!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&body));
        let view: PreviewView = serde_json::from_slice(&body)?;
        ensure!(view.waiting as i64 == places, "{} of {places} wait", view.waiting);
        eprintln!("round {}: {took_s:.2} s, {} runs", round + 1, view.runs);
        seconds.push(took_s);
    }
    Ok(vec![Figure::seconds("preview", seconds)])
}
