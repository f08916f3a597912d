"""What an operator may set, all by environment variables; `GET /model` shows the limits."""

import os
import re

from pydantic import BaseModel, ConfigDict, Field

from claimstance.errors import InvalidInput
from claimstance.text import LONGEST_SENTENCE

HOSTS = "CLAIMSTANCE_HOSTS"
"""The variable that names, with commas between, hosts that the service is known by."""

WORKERS = "CLAIMSTANCE_WORKERS"
"""The variable that tells how many processes answer; `--workers` sets it."""

INSECURE = "CLAIMSTANCE_INSECURE"
"""The variable that, as `yes`, lets other machines in without keys; `--insecure` sets it."""

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")


class Limits(BaseModel):
    """How much one installation accepts. Each is set by `CLAIMSTANCE_<NAME>`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_body_bytes: int = Field(4_000_000, gt=0, description="Bytes of a request's body.")
    max_sentences: int = Field(1_000, gt=0, description="Sentences in one request to /classify.")
    max_characters: int = Field(LONGEST_SENTENCE, gt=0, description="Characters of one sentence.")
    max_document_characters: int = Field(1_000_000, gt=0, description="Characters of a document.")
    max_document_sentences: int = Field(5_000, gt=0, description="Sentences of a document.")
    max_explained_words: int = Field(100, gt=0, description="Words of a sentence to explain.")
    max_waiting: int = Field(20_000, gt=0, description="Sentences waiting to be computed.")
    max_open_requests: int = Field(256, gt=0, description="Requests read or answered at once.")
    max_body_seconds: int = Field(30, gt=0, description="Seconds for receiving a body.")
    max_answer_seconds: int = Field(
        30, gt=0, description="Seconds for answering, waiting and sending included."
    )
    rate: int | None = Field(
        None, gt=0, description="Sentences a minute for one key, or else for one address."
    )

    @property
    def ending_seconds(self) -> int:
        """Seconds in which what has begun is over, once the service is told to end."""
        return self.max_body_seconds + self.max_answer_seconds + 5


def limits() -> Limits:
    """Return the limits that the environment sets.

    Raises:
        InvalidInput: a value is not a positive whole number, or fewer sentences may wait than one
            request may have; `where` names the variable.
    """
    names = {name: f"CLAIMSTANCE_{name.upper()}" for name in Limits.model_fields}
    found = Limits(**{n: _positive(v) for n, v in names.items() if v in os.environ})
    most = max(found.max_sentences, found.max_document_sentences, found.max_explained_words + 1)
    if found.max_waiting < most:
        raise InvalidInput(
            f"must be {most} or more: one request may have so many", names["max_waiting"]
        )
    return found


def workers() -> int:
    """Return how many processes answer, 1 unless the environment says otherwise.

    Raises:
        InvalidInput: it is not a positive whole number; `where` names the variable.
    """
    return _positive(WORKERS) if WORKERS in os.environ else 1


def hosts() -> frozenset[str]:
    """Return the host names, in lower case, that the environment allows beside loopback's.

    Raises:
        InvalidInput: one is no name or address; `where` names the variable.
    """
    names = [name.strip().lower() for name in os.environ.get(HOSTS, "").split(",")]
    for name in filter(None, names):
        if not _HOST.fullmatch(name):
            raise InvalidInput(f"{name!r} is no host name; give it without a port", HOSTS)
    return frozenset(filter(None, names))


def insecure() -> bool:
    """Return whether the environment lets other machines in without keys.

    Raises:
        InvalidInput: it says something other than `yes`; `where` names the variable.
    """
    value = os.environ.get(INSECURE)
    if value not in (None, "yes"):
        raise InvalidInput(f"must be `yes` or not be set, not {value!r}", INSECURE)
    return value == "yes"


def _positive(variable: str) -> int:
    text = os.environ[variable]
    if not text.isdecimal() or int(text) == 0:
        raise InvalidInput(f"must be a positive whole number, not {text!r}", variable)
    return int(text)


class Shadow(BaseModel):
    """A version that scores a share of the traffic unseen, and that share.

    Set by `CLAIMSTANCE_SHADOW` and `CLAIMSTANCE_SHADOW_SHARE`; without a version there is none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str | None = None
    share: float = Field(1.0, ge=0, le=1, description="Share of the requests.")


def shadow() -> Shadow:
    """Return the shadow that the environment sets.

    Raises:
        InvalidInput: the share is not a number from 0 to 1; `where` names the variable.
    """
    share = os.environ.get("CLAIMSTANCE_SHADOW_SHARE", "1")
    try:
        return Shadow(version=os.environ.get("CLAIMSTANCE_SHADOW") or None, share=float(share))
    except ValueError as error:
        raise InvalidInput(
            f"must be a number from 0 to 1, not {share!r}", "CLAIMSTANCE_SHADOW_SHARE"
        ) from error
