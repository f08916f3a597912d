"""A service that was started, seen from outside: its processes, and whether it answers."""

import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import httpx
import psutil

from tests.contract.test_service import post

COMMAND = [sys.executable, "-m", "serving"]


def server(client: httpx.Client) -> psutil.Process:
    """Return the process that the service was started as; its children are the workers."""
    port = str(client.base_url.port)
    (found,) = [p for p in psutil.Process().children() if port in p.cmdline()]
    return found


def workers(process: psutil.Process) -> list[psutil.Process]:
    found = []
    for child in process.children():
        with suppress(psutil.Error):  # one that has just ended
            if any("worker" in part for part in child.cmdline()):
                found.append(child)
    return found


def eventually(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def classified(client: httpx.Client, sentence: str = "Ours.") -> bool:
    return post(client, "/classify", {"sentences": [sentence]}).status_code == 200


def connect(client: httpx.Client) -> socket.socket:
    return socket.create_connection((client.base_url.host, client.base_url.port or 0), 20)
