"""The service as a user starts it, on a free port."""

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import httpx
import pytest

from claimstance import bundle, registry
from tests.conftest import ROOT


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@cache
def _started_once() -> Path:
    """Return a BentoML home as a first start leaves it, made once for all tests."""
    home = Path(tempfile.mkdtemp(prefix="claimstance-started-"))
    atexit.register(shutil.rmtree, home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENTOML_HOME", str(home))
        registry.promote(bundle.read_manifest(bundle.released()).version)
    return home


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)


def started_before(home: Path) -> Path:
    """Put the released version into production at `home`, as a first start would, and return it.

    Its files are linked: whoever damages them damages those of other tests.
    """
    made = _started_once()
    shutil.copytree(made / "models", home / "models", copy_function=_link)
    journal = Path(bundle.NAME) / "production.jsonl"
    (home / journal).parent.mkdir(exist_ok=True)
    shutil.copyfile(made / journal, home / journal)
    return home


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
