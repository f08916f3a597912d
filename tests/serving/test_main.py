"""Starting the service: where it binds, and what the server is told."""

import os
import sys

import pytest

from serving import __main__ as starting


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command that the process becomes, filled in once it would."""
    command: list[str] = []
    monkeypatch.setattr(os, "execv", lambda _, arguments: command.extend(arguments))
    monkeypatch.setattr(starting, "ensure_model", lambda: "1")
    monkeypatch.setattr(sys, "argv", ["serving", "--port", "0"])
    return command


def option(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


@pytest.mark.parametrize(
    ("host", "address", "named"),
    [
        ("localhost", "127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("::1", "::1", "[::1]"),
    ],
)
def test_names_and_addresses_of_this_machine_are_bound(
    host: str, address: str, named: str, started: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    sys.argv += ["--host", host]
    starting.main()
    assert option(started, "--host") == address
    assert f"curl -s http://{named}:0/classify" in capsys.readouterr().out


@pytest.mark.parametrize("host", ["stance.example.org", "", "[::1]", "127.0.0.1:3000"])
def test_what_is_no_address_is_refused_and_named(host: str, started: list[str]) -> None:
    sys.argv += ["--host", host]
    with pytest.raises(SystemExit, match=r"--host .*is no IP address"):
        starting.main()
    assert started == []


def test_the_server_is_told_when_to_stop_waiting(
    started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAIMSTANCE_MAX_ANSWER_SECONDS", "40")
    starting.main()
    assert option(started, "--timeout-graceful-shutdown") == "75"
