//! What an operator's tools read over plain HTTP, on the client door's port: `/metrics`, `/healthz`, `/readyz`.
//!
//! ```text
//! Prometheus, load balancers ── GET, HTTP/1.1 ─► SlurmctldPort ◄─ gRPC, HTTP/2 ── clients, nodes
//! ```
//!
//! Nobody is authenticated here, so nothing here says anything of a job, a node or a user by name: numbers alone, and of
//! users only where `PrivateData` hides nothing ([`privacy`]). Nothing is changed, and the work of a request is bounded:
//! no table is walked.

mod figures;
mod health;
mod page;
mod privacy;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, StatusCode, Version, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::Semaphore;
use tonic::Status;
use tonic::service::Routes;

use crate::seat::Seat;
use figures::Figures;

/// Requests under way at once; the rest is told to come again.
const AT_ONCE_MAX: usize = 16;
const TEXT: &str = "text/plain; charset=utf-8";

#[derive(Clone)]
struct Shared {
    seat: Arc<Seat>,
    room: Arc<Semaphore>,
}

type Answer = (StatusCode, [(HeaderName, &'static str); 1], String);

/// `routes` and these.
pub(crate) fn beside(routes: Routes, seat: Arc<Seat>) -> Routes {
    let shared = Shared { seat, room: Arc::new(Semaphore::new(AT_ONCE_MAX)) };
    let pages: Router = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(shared);
    Routes::from(routes.into_axum_router().merge(pages).fallback(nothing_here))
}

/// For gRPC the status of its own, with which it answers a method that is not known; for a browser 404.
async fn nothing_here(request: Request) -> Response {
    if request.version() == Version::HTTP_2 {
        return Status::unimplemented("").into_http();
    }
    (StatusCode::NOT_FOUND, "there are /metrics, /healthz and /readyz\n").into_response()
}

async fn metrics(State(shared): State<Shared>) -> Answer {
    let Ok(_room) = shared.room.try_acquire() else { return busy() };
    if let Some(why) = privacy::refuses_all(&shared.seat) {
        return (StatusCode::FORBIDDEN, [(header::CONTENT_TYPE, TEXT)], why);
    }
    match page::encode(Figures::take(&shared.seat)) {
        Ok(text) => (StatusCode::OK, [(header::CONTENT_TYPE, page::CONTENT_TYPE)], text),
        Err(why) => (StatusCode::INTERNAL_SERVER_ERROR, [(header::CONTENT_TYPE, TEXT)], format!("{why}\n")),
    }
}

async fn healthz(State(shared): State<Shared>) -> Answer {
    told(health::lives(&shared.seat))
}

async fn readyz(State(shared): State<Shared>) -> Answer {
    let Ok(_room) = shared.room.try_acquire() else { return busy() };
    told(health::serves(&shared.seat).await)
}

fn told(found: Result<String, String>) -> Answer {
    let (code, text) = match found {
        Ok(text) => (StatusCode::OK, text),
        Err(text) => (StatusCode::SERVICE_UNAVAILABLE, text),
    };
    (code, [(header::CONTENT_TYPE, TEXT)], text + "\n")
}

fn busy() -> Answer {
    told(Err("busy: ask again".to_owned()))
}
