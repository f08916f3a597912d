"""The one place where an error becomes an HTTP response."""

from http import HTTPStatus

from starlette.responses import JSONResponse

from claimstance.errors import (
    ClaimstanceError,
    DocumentUnreadable,
    FeedbackUnavailable,
    InvalidInput,
    JobBusy,
    JobDiffers,
    JobFailed,
    LimitExceeded,
    ModelExists,
    ModelInvalid,
    ModelNotFound,
    NotApproved,
    NotInstalled,
    Overloaded,
)
from serving import metrics
from serving.schemas import ErrorBody, ErrorResponse

STATUS: dict[type[ClaimstanceError], HTTPStatus] = {
    InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    DocumentUnreadable: HTTPStatus.UNPROCESSABLE_ENTITY,
    LimitExceeded: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Overloaded: HTTPStatus.TOO_MANY_REQUESTS,
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
    headers = {"Retry-After": "1"} if isinstance(error, Overloaded) else None
    return refusal(STATUS[type(error)], error.code, error.message, error.where, headers)


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
