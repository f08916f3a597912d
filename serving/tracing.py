"""Whether requests are traced, and what is told of each; `serving/spans.py` does it.

OpenTelemetry's standard variables switch traces on. Where they are off, nothing of its libraries
is imported here.
"""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache

from starlette.types import Scope

from claimstance.errors import InvalidInput, NotInstalled
from claimstance.predictor import Encoded
from serving.visit import Visit

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""The variables that name a collector, and so switch traces on."""

_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_SPOKEN = "http/protobuf"


class Traces:
    """What is told of requests; this class keeps none of it."""

    def request(self, scope: Scope, seen: Visit) -> AbstractContextManager[None]:  # noqa: ARG002
        """Record a request; its parent is the span that the caller names, if it does."""
        return nullcontext()

    def computed(
        self, model: str, encoded: Sequence[Encoded], since: float, began: float | None
    ) -> None:
        """Record how long the sentences of the request in hand waited and were computed.

        Args:
            model: the tag of the version.
            encoded: the sentences.
            since: when they were handed over, by `time.perf_counter`.
            began: when the first of them was computed; None if none was.
        """

    def close(self) -> None:
        """Send what has been recorded."""


@cache
def traces() -> Traces:
    """Return what records the requests of this process; raises what `wanted` does."""
    if not wanted():
        return Traces()
    from serving.spans import Spans

    return Spans()


def wanted() -> bool:
    """Tell whether the environment asks for traces.

    Raises:
        InvalidInput: it asks for them by another protocol than HTTP with protobuf.
        NotInstalled: it does, and the exporter is missing.
    """
    named = [variable for variable in ENDPOINTS if os.environ.get(variable)]
    off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if not named or off or "otlp" not in os.environ.get("OTEL_TRACES_EXPORTER", "otlp"):
        return False
    for variable in _PROTOCOLS:
        if os.environ.get(variable, _SPOKEN) != _SPOKEN:
            raise InvalidInput(f"must be {_SPOKEN}, the one protocol spoken here", variable)
    try:
        import opentelemetry.exporter.otlp.proto.http  # noqa: F401
    except ImportError as error:
        raise NotInstalled("needs `pip install 'claimstance[tracing]'`", named[0]) from error
    return True
