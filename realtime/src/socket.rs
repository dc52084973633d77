//! The WebSocket from its upgrade to its close frame.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use chassis::sockets::SocketGuard;
use contracts::problem::Problem;
use metrics::counter;

use crate::App;
use crate::hello;
use crate::hub::Hub;
use crate::live;
use crate::metrics::{CLOSED, REFUSED};
use crate::origin;
use crate::slot::Farewell;

/// What a client may send in one message or frame.
const MESSAGE_MAX_BYTES: usize = 4_096;
/// What waits for a slow reader in our own memory, at most.
const UNSENT_MAX_BYTES: usize = 64 * 1_024;
/// How long a close frame may take, and its answer.
const CLOSING: Duration = Duration::from_secs(1);
/// Sockets that come back per second after a stop, as the others take them in.
const RETURN_PER_S: u64 = 5_000;

/// A WebSocket: the page says `hello` with its receipt, and is told its place now and whenever it changes.
#[utoipa::path(get, path = "/v1/live/socket", operation_id = "socket", tag = "live",
    responses((status = 101, description = "Upgraded; the messages are `Push` and `Pull` of the crate `contracts`")))]
pub async fn upgrade(State(App(hub)): State<App>, headers: HeaderMap, ws: WebSocketUpgrade) -> Response {
    if !origin::is_allowed(&headers, &hub.config.allowed_origins) {
        counter!(REFUSED, "reason" => "origin").increment(1);
        return Problem::forbidden("pages of this origin may not connect here").into_response();
    }
    // Counted before the upgrade: between the two a stop would not see it.
    let guard = hub.sockets.register();
    let refusal = if guard.closing().is_cancelled() {
        Some(("stopping", Problem::unavailable("this server is stopping; come back in a moment")))
    } else if hub.sockets.count() > hub.config.max_sockets {
        Some((
            "full",
            Problem::unavailable("this server has all the sockets it can take; come back or poll").retry_after(5),
        ))
    } else {
        None
    };
    if let Some((reason, problem)) = refusal {
        counter!(REFUSED, "reason" => reason).increment(1);
        return problem.into_response();
    }
    // An idle socket with tungstenite's own defaults costs fifty times as much.
    ws.read_buffer_size(1_024)
        .write_buffer_size(0)
        .max_write_buffer_size(UNSENT_MAX_BYTES)
        .max_message_size(MESSAGE_MAX_BYTES)
        .max_frame_size(MESSAGE_MAX_BYTES)
        .on_upgrade(move |socket| serve(hub, socket, guard))
}

async fn serve(hub: Arc<Hub>, mut socket: WebSocket, guard: SocketGuard) {
    // The hello and the goodbye are boxed: the future that lives on for hours stays small.
    let close = match Box::pin(hello::hello(&hub, &mut socket, &guard)).await {
        Ok(entered) => {
            let why = live::live(&entered, &mut socket).await;
            counter!(CLOSED, "reason" => why.name()).increment(1);
            drop(entered);
            of_farewell(why, &hub)
        }
        Err(refused) => {
            counter!(REFUSED, "reason" => refused.reason).increment(1);
            refused.close.or_else(|| of_farewell(Farewell::Away, &hub))
        }
    };
    if let Some(frame) = close {
        Box::pin(goodbye(socket, frame, &guard)).await;
    }
    drop(guard);
}

/// A close frame of ours.
pub fn close_frame(code: u16, reason: impl Into<String>) -> CloseFrame {
    CloseFrame { code, reason: reason.into().into() }
}

fn of_farewell(why: Farewell, hub: &Hub) -> Option<CloseFrame> {
    let reason = match why {
        // How long to wait before coming back: drawn, so that they do not all come at once.
        Farewell::Away => {
            let spread_ms = (hub.sockets.count() as u64 * 1_000 / RETURN_PER_S).max(1_000);
            rand::random_range(0..spread_ms).to_string()
        }
        Farewell::Ended => "the place has ended".to_owned(),
        Farewell::Limited => "too many sockets or messages".to_owned(),
        Farewell::Slow => "frames were not taken for too long".to_owned(),
        Farewell::Silent => "nothing was heard for too long".to_owned(),
        Farewell::Gone | Farewell::Dropped => return None,
    };
    Some(close_frame(why.code()?, reason))
}

/// Sends the close frame and reads until the client answers it: closing first could lose the frame on its way.
async fn goodbye(mut socket: WebSocket, frame: CloseFrame, guard: &SocketGuard) {
    let closing = tokio::time::timeout(CLOSING, async {
        if socket.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    });
    let _late = guard.hard().run_until_cancelled(closing).await;
}
