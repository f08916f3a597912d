"""What an operator may set, all by environment variables; `GET /model` shows the values."""

import os

from pydantic import BaseModel, ConfigDict, Field

from claimstance.errors import InvalidInput


class Limits(BaseModel):
    """How much one installation accepts. Each is set by `CLAIMSTANCE_<NAME>`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_body_bytes: int = Field(4_000_000, gt=0, description="Bytes of a request's body.")
    max_sentences: int = Field(1_000, gt=0, description="Sentences in one request.")
    max_characters: int = Field(20_000, gt=0, description="Characters of one sentence.")
    max_document_characters: int = Field(1_000_000, gt=0, description="Characters of a document.")
    max_explained_words: int = Field(100, gt=0, description="Words of a sentence to explain.")
    max_waiting: int = Field(20_000, gt=0, description="Sentences waiting to be computed.")
    max_open_requests: int = Field(256, gt=0, description="Requests read or answered at once.")
    max_body_seconds: int = Field(30, gt=0, description="Seconds for receiving a body.")
    max_answer_seconds: int = Field(
        30, gt=0, description="Seconds for answering, waiting included."
    )
    rate: int | None = Field(
        None, gt=0, description="Sentences a minute for one key, or else for one address."
    )


def limits() -> Limits:
    """Return the limits that the environment sets.

    Raises:
        InvalidInput: a value is not a positive whole number; `where` names the variable.
    """
    values = {}
    for name in Limits.model_fields:
        variable = f"CLAIMSTANCE_{name.upper()}"
        if variable in os.environ:
            text = os.environ[variable]
            if not text.isdecimal() or int(text) == 0:
                raise InvalidInput(f"must be a positive whole number, not {text!r}", variable)
            values[name] = int(text)
    return Limits(**values)


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
