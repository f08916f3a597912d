"""The service as a user starts it, on a free port."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.conftest import ROOT


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(
    home: Path, command: list[str], cwd: Path = ROOT, **settings: str
) -> Iterator[httpx.Client]:
    """Run `command` with a free port appended until it is ready; give a client of it.

    `settings` are environment variables, without the `CLAIMSTANCE_` they begin with.
    """
    port = free_port()
    log = home / "serve.log"
    environment = os.environ | {"BENTOML_HOME": str(home), "CLAIMSTANCE_MAX_SENTENCES": "50"}
    environment |= {f"CLAIMSTANCE_{name}": value for name, value in settings.items()}
    with log.open("w") as out:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            env=environment,
            cwd=cwd,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            deadline = time.monotonic() + 240
            while True:
                try:
                    if client.get("/readyz").status_code == 200:
                        break
                except httpx.TransportError:
                    pass
                if process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"the service did not start:\n{log.read_text()}")
                time.sleep(0.1)
            yield client
    finally:
        process.terminate()
        process.wait(120)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    home = tmp_path_factory.mktemp("served")
    with serving(home, [sys.executable, "-m", "serving"]) as client:
        yield client
