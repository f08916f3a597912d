"""The one place where an error becomes an HTTP response."""

from http import HTTPStatus

from starlette.responses import JSONResponse

from claimstance.errors import (
    ClaimstanceError,
    DocumentUnreadable,
    FeedbackUnavailable,
    Forbidden,
    InvalidInput,
    JobBusy,
    JobDiffers,
    JobFailed,
    LimitExceeded,
    Misdirected,
    ModelExists,
    ModelInvalid,
    ModelNotFound,
    NotApproved,
    NotInstalled,
    Overloaded,
    RateExceeded,
    ServiceFailed,
    TimedOut,
    Unauthorized,
)
from serving import metrics
from serving.schemas import ErrorBody, ErrorResponse

STATUS: dict[type[ClaimstanceError], HTTPStatus] = {
    InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    DocumentUnreadable: HTTPStatus.UNPROCESSABLE_ENTITY,
    LimitExceeded: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Overloaded: HTTPStatus.TOO_MANY_REQUESTS,
    RateExceeded: HTTPStatus.TOO_MANY_REQUESTS,
    Unauthorized: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    Misdirected: HTTPStatus.MISDIRECTED_REQUEST,
    TimedOut: HTTPStatus.GATEWAY_TIMEOUT,
    ServiceFailed: HTTPStatus.BAD_GATEWAY,
    FeedbackUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    ModelNotFound: HTTPStatus.NOT_FOUND,
    ModelExists: HTTPStatus.CONFLICT,
    NotApproved: HTTPStatus.CONFLICT,
    ModelInvalid: HTTPStatus.SERVICE_UNAVAILABLE,
    NotInstalled: HTTPStatus.NOT_IMPLEMENTED,
    JobBusy: HTTPStatus.CONFLICT,
    JobDiffers: HTTPStatus.CONFLICT,
    JobFailed: HTTPStatus.INTERNAL_SERVER_ERROR,
}


def response(error: ClaimstanceError) -> JSONResponse:
    """Return the response that reports `error`."""
    return refusal(STATUS[type(error)], error.code, error.message, error.where, _headers(error))


def refusal(
    status: HTTPStatus,
    code: str,
    message: str,
    where: str | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """Return a response in the one error shape, and count it."""
    metrics.REFUSED.labels(code).inc()
    body = ErrorResponse(error=ErrorBody(code=code, message=message, where=where))
    return JSONResponse(body.model_dump(), status, headers)


def _headers(error: ClaimstanceError) -> dict[str, str] | None:
    """Return what a client needs beside the body: when to come back, or what to send."""
    match error:
        case Overloaded():
            return {"Retry-After": "1"}
        case RateExceeded():
            return {"Retry-After": str(error.retry_after)}
        case Unauthorized():
            return {"WWW-Authenticate": 'Bearer realm="claimstance"'}
        case LimitExceeded(where="body"):  # the rest of it is not read
            return {"Connection": "close"}
        case _:
            return None
