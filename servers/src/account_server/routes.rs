//! The doors: paths, bodies and secrets to calls of the service.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Query, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use ntm_account::Refusal;
use ntm_account_api::error::ErrorCode;
use ntm_account_api::text::decode;
use ntm_account_api::well_known::{WELL_KNOWN, WellKnown};
use ntm_account_api::{node, server};
use ntm_wire::key::SecretKey;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::listener::Source;
use super::problem::Problem;
use super::service::Service;

/// No request is longer: a sign-up has about 2 KiB.
const MAX_BODY: usize = 64 << 10;

type Answer<T> = Result<Json<T>, Problem>;
type Asked = State<Arc<Service>>;

pub(super) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route(node::SIGN_UP_START, post(sign_up_start))
        .route(node::SIGN_UP_FINISH, post(sign_up_finish))
        .route(node::SIGN_IN_START, post(sign_in_start))
        .route(node::SIGN_IN_FINISH, post(sign_in_finish))
        .route(node::DEVICES, post(add_device).get(devices))
        .route(node::REVOKE_DEVICE, post(revoke))
        .route(node::TICKET, post(renew))
        .route(node::INVITATIONS, post(invite))
        .route(WELL_KNOWN, get(well_known))
        .route(server::ENROLMENTS, post(new_enrolment))
        .route(server::ENROL_DC, post(enrol_dc))
        .route(server::ENROL_RS, post(enrol_rs))
        .route(server::DC_UPDATES, get(dc_updates))
        .route(server::DC_BLOCK, post(more_room))
        .route(server::DC_ADDRS, post(move_dc))
        .route(server::RS_SETUP, get(rs_setup))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .fallback(nothing_here)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(service)
}

/// The secret that the asker shows: `Authorization: Bearer <base64url>`.
struct Bearer(SecretKey);

impl<S: Sync> FromRequestParts<S> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let shown = parts.headers.get(header::AUTHORIZATION);
        let text = shown.and_then(|v| v.to_str().ok()?.strip_prefix("Bearer "));
        let bytes: Option<[u8; 32]> = text.and_then(decode).and_then(|b| b.try_into().ok());
        bytes
            .map(|b| Self(SecretKey::new(b)))
            .ok_or_else(|| ErrorCode::NotSignedIn.into())
    }
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Problem> {
    // What serde says of it may quote the body, which may hold secrets.
    serde_json::from_slice(body).map_err(|_| ErrorCode::BadRequest.into())
}

fn answer<T: Serialize>(result: Result<T, Refusal>) -> Answer<T> {
    Ok(Json(result?))
}

async fn sign_up_start(
    State(service): Asked,
    Extension(Source(source)): Extension<Source>,
    body: Bytes,
) -> Answer<node::SignUpStarted> {
    answer(service.sign_up_start(source, read(&body)?).await)
}

async fn sign_up_finish(
    State(service): Asked,
    Extension(Source(source)): Extension<Source>,
    body: Bytes,
) -> Answer<node::DeviceAdded> {
    answer(service.sign_up_finish(source, read(&body)?).await)
}

async fn sign_in_start(
    State(service): Asked,
    Extension(Source(source)): Extension<Source>,
    body: Bytes,
) -> Answer<node::SignInStarted> {
    answer(service.sign_in_start(source, read(&body)?).await)
}

async fn sign_in_finish(State(service): Asked, body: Bytes) -> Answer<node::SignedIn> {
    answer(service.sign_in_finish(read(&body)?).await)
}

async fn add_device(State(service): Asked, body: Bytes) -> Answer<node::DeviceAdded> {
    answer(service.add_device(read(&body)?).await)
}

async fn devices(State(service): Asked, Bearer(secret): Bearer) -> Answer<Vec<node::DeviceInfo>> {
    answer(service.devices(&secret).await)
}

async fn revoke(State(service): Asked, Bearer(secret): Bearer, body: Bytes) -> Answer<()> {
    answer(service.revoke(&secret, read(&body)?).await)
}

async fn renew(State(service): Asked, Bearer(secret): Bearer) -> Answer<node::Credentials> {
    answer(service.renew(&secret).await)
}

async fn invite(
    State(service): Asked,
    Bearer(secret): Bearer,
    body: Bytes,
) -> Answer<node::Invited> {
    answer(service.invite(&secret, read(&body)?).await)
}

async fn well_known(State(service): Asked) -> Answer<WellKnown> {
    answer(service.well_known().await)
}

async fn new_enrolment(
    State(service): Asked,
    Bearer(secret): Bearer,
    body: Bytes,
) -> Answer<server::EnrolmentToken> {
    answer(service.new_enrolment(&secret, read(&body)?).await)
}

async fn enrol_dc(
    State(service): Asked,
    Extension(Source(source)): Extension<Source>,
    body: Bytes,
) -> Answer<server::DcEnrolled> {
    answer(service.enrol_dc(source, read(&body)?).await)
}

async fn enrol_rs(
    State(service): Asked,
    Extension(Source(source)): Extension<Source>,
    body: Bytes,
) -> Answer<server::RsEnrolled> {
    answer(service.enrol_rs(source, read(&body)?).await)
}

/// What a DC knows already, and how long it waits for more.
#[derive(Deserialize)]
struct Since {
    #[serde(default)]
    since: u64,
    #[serde(default)]
    wait: u64,
}

async fn dc_updates(
    State(service): Asked,
    Bearer(secret): Bearer,
    query: Query<Since>,
) -> Answer<server::DcUpdate> {
    let wait = Duration::from_secs(query.wait);
    answer(service.dc_update(&secret, query.since, wait).await)
}

async fn more_room(State(service): Asked, Bearer(secret): Bearer) -> Answer<Vec<server::V4Block>> {
    answer(service.more_room(&secret).await)
}

async fn move_dc(State(service): Asked, Bearer(secret): Bearer, body: Bytes) -> Answer<()> {
    answer(service.move_dc(&secret, read(&body)?).await)
}

async fn rs_setup(State(service): Asked, Bearer(secret): Bearer) -> Answer<server::RsSetup> {
    answer(service.rs_setup(&secret).await)
}

async fn readyz(State(service): Asked) -> impl IntoResponse {
    if service.is_ready().await {
        (StatusCode::OK, "ready\n")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the store does not answer\n",
        )
    }
}

async fn nothing_here() -> Problem {
    Refusal::because(
        ErrorCode::BadRequest,
        "there is nothing at this address: update this program",
    )
    .into()
}
