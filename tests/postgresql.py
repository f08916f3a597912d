"""A PostgreSQL server of the tests' own, in a folder of its own, on a free port."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

_UNPRIVILEGED = "nobody"
"""Who runs the server when the tests are run by root, as whom PostgreSQL refuses to run."""


def _program(name: str) -> str:
    """Return where a program of PostgreSQL is; skip the test where it is not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which(name, path=os.pathsep.join([*map(str, folders), os.environ["PATH"]]))
    if found is None:
        pytest.skip(f"PostgreSQL's {name} is not installed")
    return found


class Server:
    """A server whose data lie in `folder`; started by `running`."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._data = folder / "data"
        self._log = folder / "server.log"
        self._databases = count()
        self._user: str | None = None
        if os.geteuid() == 0:
            self._user = _UNPRIVILEGED
            shutil.chown(folder, _UNPRIVILEGED)
        self._run("initdb", "--auth=trust", "--username=owner", "--no-sync", "--encoding=UTF8")

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        self._run("pg_ctl", "start", "-w", "-o", options, "-l", str(self._log))

    def stop(self) -> None:
        """Stop the server at once; it recovers at its next start."""
        self._run("pg_ctl", "stop", "-m", "immediate")

    def database(self) -> str:
        """Make an empty database and return its address."""
        import psycopg

        base = f"postgresql://owner@127.0.0.1:{self.port}"
        number = next(self._databases)
        with psycopg.connect(f"{base}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE feedback_{number}")
        return f"{base}/feedback_{number}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [_program(program), *arguments, "-D", str(self._data)]
        done = subprocess.run(
            command,
            user=self._user,
            cwd=self._data.parent,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            log = self._log.read_text() if self._log.exists() else ""
            pytest.fail(f"{program} {arguments[0]} failed:\n{log}")


@contextmanager
def running() -> Iterator[Server]:
    """Give a server that runs; skip the test where PostgreSQL is not installed."""
    # Not below pytest's folder, which other users may not enter.
    with tempfile.TemporaryDirectory(prefix="postgresql-") as folder:
        server = Server(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()
