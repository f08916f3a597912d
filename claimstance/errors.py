"""Everything that can go wrong by the caller's or the world's doing, as one closed tree.

Each class has a stable `code`. The command line prints the message, the service turns the code
into an HTTP status in one place (`serving/errors.py`), so a new error needs a row there.
"""

from typing import ClassVar


class ClaimstanceError(Exception):
    """Base of all errors that are reported rather than crash.

    Args:
        message: what is wrong and what to do about it, one sentence.
        where: the offending place (`sentences[3]`, `archive.csv row 12`), if there is one.
    """

    code: ClassVar[str]

    def __init__(self, message: str, where: str | None = None) -> None:
        super().__init__(message if where is None else f"{where}: {message}")
        self.message = message
        self.where = where


class InvalidInput(ClaimstanceError):
    """The input is not of the form asked for."""

    code = "invalid_input"


class LimitExceeded(ClaimstanceError):
    """The input is larger than this installation accepts."""

    code = "limit_exceeded"


class Overloaded(ClaimstanceError):
    """Too much work is waiting already; the same request may succeed later."""

    code = "overloaded"


class RateExceeded(ClaimstanceError):
    """The caller has had as many sentences computed as it may for now.

    Args:
        message: as for all errors.
        where: as for all errors.
        retry_after: whole seconds after which it may have more.
    """

    code = "rate_exceeded"

    def __init__(self, message: str, where: str | None = None, retry_after: int = 1) -> None:
        super().__init__(message, where)
        self.retry_after = retry_after


class Unauthorized(ClaimstanceError):
    """The service asks for an API key, and none that it knows was given."""

    code = "unauthorized"


class Forbidden(ClaimstanceError):
    """The service answers its own machine alone, and the caller is elsewhere."""

    code = "forbidden"


class Misdirected(ClaimstanceError):
    """The request names a host that the service is not known by."""

    code = "misdirected"


class TimedOut(ClaimstanceError):
    """The service has not finished a request in the time it has for one."""

    code = "timed_out"


class ServiceFailed(ClaimstanceError):
    """The service cannot be reached, or answers with what a client cannot use."""

    code = "service_failed"


class FeedbackUnavailable(ClaimstanceError):
    """The store of corrections cannot be reached, read or written."""

    code = "feedback_unavailable"


class DocumentUnreadable(ClaimstanceError):
    """A file or document cannot be opened or decoded."""

    code = "document_unreadable"


class JobBusy(ClaimstanceError):
    """Another process is working on the same scoring job."""

    code = "job_busy"


class JobDiffers(ClaimstanceError):
    """A scoring job was begun with other inputs or settings than are asked for now."""

    code = "job_differs"


class JobFailed(ClaimstanceError):
    """A scoring job could not go on; what is done stays done."""

    code = "job_failed"


class NotInstalled(ClaimstanceError):
    """What was asked for needs an optional part of this package."""

    code = "not_installed"


class ModelNotFound(ClaimstanceError):
    """No model version of that name is known."""

    code = "model_not_found"


class ModelExists(ClaimstanceError):
    """A model version of that name exists already; versions are never overwritten."""

    code = "model_exists"


class NotApproved(ClaimstanceError):
    """A model version has not been shown to be fit to replace the one in production."""

    code = "not_approved"


class ModelInvalid(ClaimstanceError):
    """A model version's files do not fit its manifest or this release of Claimstance."""

    code = "model_invalid"
