"""Traces, as a collector gets them."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from claimstance import bundle
from claimstance.errors import InvalidInput, NotInstalled
from serving import tracing
from tests.conftest import ROOT
from tests.contract.conftest import serving, started_before
from tests.contract.test_service import post

COMMAND = [sys.executable, "-m", "serving"]
SECRET = "Wormwood"


class Collector:
    """What has been sent: each span's name, ids, times and attributes; the service's name."""

    def __init__(self) -> None:
        self.spans: list[dict[str, Any]] = []
        self.content = b""
        self.services: set[str] = set()

    def take(self, content: bytes) -> None:
        """Take what an exporter sends."""
        self.content += content
        for resource in ExportTraceServiceRequest.FromString(content).resource_spans:
            self.services |= {
                a.value.string_value
                for a in resource.resource.attributes
                if a.key == "service.name"
            }
            for scope in resource.scope_spans:
                for span in scope.spans:
                    attributes = {
                        a.key: getattr(a.value, str(a.value.WhichOneof("value")))
                        for a in span.attributes
                    }
                    self.spans.append(
                        {
                            "name": span.name,
                            "trace": span.trace_id.hex(),
                            "id": span.span_id.hex(),
                            "parent": span.parent_span_id.hex(),
                            "times": (span.start_time_unix_nano, span.end_time_unix_nano),
                            "failed": span.status.code == 2,
                            **attributes,
                        }
                    )

    def wait(self, name: str, count: int = 1) -> list[dict[str, Any]]:
        """Return the spans of a name, once there are as many."""
        deadline = time.monotonic() + 60
        while len(found := [span for span in self.spans if span["name"] == name]) < count:
            assert time.monotonic() < deadline, name
            time.sleep(0.05)
        return found


@contextmanager
def collecting() -> Iterator[tuple[Collector, str]]:
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            assert self.headers["content-type"] == "application/x-protobuf"
            collector.take(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield collector, f"http://127.0.0.1:{http.server_port}"
        finally:
            http.shutdown()
            thread.join()


def test_a_collector_is_told_of_requests_and_of_nothing_in_them_and_may_be_gone(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = f"claimstance:{bundle.read_manifest(bundle.released()).version}"
    with ExitStack() as stack:
        collector, address = stack.enter_context(collecting())
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=newsroom")
        with serving(started_before(store), COMMAND) as client:
            trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
            client.headers["traceparent"] = f"00-{trace}-{parent}-01"
            text = {"sentences": [f"The reef is {SECRET}."] * 3}
            assert post(client, f"/classify?{SECRET}", text).status_code == 200
            del client.headers["traceparent"]
            assert post(client, "/analyze", {"text": f"Ours. {SECRET} is."}).status_code == 200
            assert client.request(SECRET.upper(), f"/{SECRET}").status_code == 404
            (request,) = collector.wait("POST /classify")
            assert (request["trace"], request["parent"]) == (trace, parent)
            assert request["http.route"] == "/classify"
            assert request["http.response.status_code"] == 200
            assert request["claimstance.sentences"] == 3
            assert not request["failed"]
            steps = {}
            for name in ("queue", "compute"):
                (steps[name],) = [
                    span for span in collector.wait(name, 2) if span["parent"] == request["id"]
                ]
                assert steps[name]["trace"] == trace
                assert steps[name]["claimstance.model"] == version
                assert steps[name]["claimstance.sentences"] == 3
                assert steps[name]["claimstance.tokens"] > 9
            began, ended = request["times"]
            moments = [began, *steps["queue"]["times"], *steps["compute"]["times"], ended]
            # Two clocks were read, one after the other.
            assert all(a <= b + 1_000_000 for a, b in pairwise(moments))
            (analyzed,) = collector.wait("POST /analyze")
            assert analyzed["parent"] == ""
            assert analyzed["trace"] != trace
            collector.wait("HTTP unknown")
            client.get("/readyz")
            stack.close()
            for _ in range(5):
                assert post(client, "/classify", text).status_code == 200
        assert collector.services == {"newsroom"}
        assert SECRET.lower().encode() not in collector.content.lower()
        assert not [span for span in collector.spans if "readyz" in span["name"]]
    assert SECRET not in (store / "serve.log").read_text()


@pytest.mark.parametrize(
    ("variables", "on"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "True"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, False),
    ],
)
def test_the_standard_variables_switch_them(
    variables: dict[str, str], on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert tracing.wanted() is on


def test_what_cannot_be_is_told_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with pytest.raises(InvalidInput) as refused:
        tracing.wanted()
    assert refused.value.where == "OTEL_EXPORTER_OTLP_PROTOCOL"
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_PROTOCOL")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http", None)
    with pytest.raises(NotInstalled, match=r"claimstance\[tracing\]"):
        tracing.wanted()


def test_where_they_are_off_nothing_of_opentelemetry_is_loaded() -> None:
    program = (
        "import sys, serving.service\nfrom serving.tracing import Traces, traces\n"
        "assert type(traces()) is Traces\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"
