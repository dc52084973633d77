//! The limit of the joins bench: `axum::serve` as it comes, with a handler that reads the request and answers fixed bytes.

use std::process::ExitCode;

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, header};
use tokio::net::TcpListener;

use crate::cli::EmptyArgs;

/// `loadgen empty-handler`.
pub async fn serve(args: EmptyArgs) -> anyhow::Result<ExitCode> {
    let reply: Bytes =
        std::fs::read(&args.reply).with_context(|| format!("cannot read {}", args.reply.display()))?.into();
    let handler = move |_request: Bytes| {
        let reply = reply.clone();
        async move { (StatusCode::CREATED, [(header::CONTENT_TYPE, "application/json")], reply) }
    };
    let listener = TcpListener::bind(("127.0.0.1", args.port)).await?;
    println!("ready http://127.0.0.1:{}", args.port);
    axum::serve(listener, Router::new().fallback(handler)).await?;
    Ok(ExitCode::SUCCESS)
}
