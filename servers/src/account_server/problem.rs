//! A refusal as an HTTP answer.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ntm_account::Refusal;
use ntm_account_api::error::ErrorCode;

use super::store::{Conflict, StoreError};

/// A refusal on its way out.
pub(super) struct Problem(pub(super) Refusal);

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl From<ErrorCode> for Problem {
    fn from(code: ErrorCode) -> Self {
        Self(code.into())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (status(self.0.code), Json(self.0.body())).into_response()
    }
}

/// What a failed write means to the one who asked.
pub(super) fn refusal(error: StoreError) -> Refusal {
    let conflict = match error {
        StoreError::Conflict(conflict) => conflict,
        StoreError::Engine(_) | StoreError::Damaged(_) => {
            tracing::error!(%error, "the store failed");
            return ErrorCode::Internal.into();
        }
    };
    match conflict {
        Conflict::AccountTaken => ErrorCode::AccountTaken,
        Conflict::DeviceTaken => ErrorCode::DeviceTaken,
        Conflict::DeviceRevoked => ErrorCode::DeviceRevoked,
        Conflict::InvitationUsedUp => ErrorCode::InvitationUsedUp,
        Conflict::EnrolmentSpent => ErrorCode::EnrolmentRefused,
        Conflict::NumberTaken => ErrorCode::Internal,
    }
    .into()
}

fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::WrongPassword | ErrorCode::NotSignedIn | ErrorCode::SignInExpired => {
            StatusCode::UNAUTHORIZED
        }
        ErrorCode::InvitationUnknown
        | ErrorCode::InvitationExpired
        | ErrorCode::InvitationUsedUp
        | ErrorCode::InvitationNeeded
        | ErrorCode::RegistrationClosed
        | ErrorCode::DeviceRevoked
        | ErrorCode::NotAllowed
        | ErrorCode::EnrolmentRefused => StatusCode::FORBIDDEN,
        ErrorCode::AccountTaken | ErrorCode::DeviceTaken | ErrorCode::TooManyDevices => {
            StatusCode::CONFLICT
        }
        ErrorCode::DeviceUnknown => StatusCode::NOT_FOUND,
        ErrorCode::TooManyAttempts => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::NoCoordinator | ErrorCode::BlocksExhausted => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::BadAccountName
        | ErrorCode::BadDeviceName
        | ErrorCode::BadRootSignature
        | ErrorCode::BadRequest => StatusCode::BAD_REQUEST,
        ErrorCode::Internal | ErrorCode::Unknown => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
