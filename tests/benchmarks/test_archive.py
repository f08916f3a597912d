"""Contenders take turns; a rival that fails or computes other things is left out, and why."""

from typing import Any

import pytest

from benchmarks import archive
from benchmarks.contenders import REFERENCE, Contender
from benchmarks.processes import BenchmarkFailed

OURS = Contender("claimstance", "ours")
FULL = Contender(REFERENCE, "full precision", "rivals", "pipeline")
OTHER = Contender("other", "another", "rivals", "other")


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace all that computes; return who worked, in order."""
    worked: list[str] = []

    def work(self: Any, contender: Contender) -> dict[str, float]:
        worked.append(contender.name)
        self._labels[contender.name] = ["firm"] * self._count
        return {"seconds": 1.0, "loading": 1.0, "peak_bytes": 1.0}

    monkeypatch.setattr(archive, "_prepare", lambda *_: [OURS, FULL, OTHER])
    monkeypatch.setattr(archive, "_limit", lambda *_: {})
    monkeypatch.setattr(archive._Work, "encoder", lambda _: {})
    monkeypatch.setattr(archive._Work, "run", work)
    return worked


def run(parts: int) -> dict[str, Any]:
    return archive.run(None, 20, parts, threads=1, model=None, limit_seconds=0)


def test_each_does_each_part_once_in_an_order_that_turns(turns: list[str]) -> None:
    found = run(3)
    names = [OURS.name, FULL.name, OTHER.name]
    assert turns == [*names, *names[1:], names[0], names[2], *names[:2]]
    assert {len(kept["runs"]) for kept in found["contenders"].values()} == {3}


def test_a_rival_that_fails_is_left_out_and_the_rest_goes_on(
    turns: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = archive._Work.run

    def fail(self: Any, contender: Contender) -> dict[str, float]:
        if contender is OTHER and len(turns) > 3:
            raise BenchmarkFailed("out of memory")
        return before(self, contender)

    monkeypatch.setattr(archive._Work, "run", fail)
    found = run(3)
    assert list(found["contenders"]) == [OURS.name, FULL.name]
    assert found["left_out"] == {OTHER.name: "out of memory"}


def test_without_claimstance_there_is_nothing_to_say(
    turns: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Any, contender: Contender) -> dict[str, float]:
        raise BenchmarkFailed("broken")

    monkeypatch.setattr(archive._Work, "run", fail)
    with pytest.raises(BenchmarkFailed, match="broken"):
        run(1)


def test_a_rival_with_other_labels_is_left_out_with_their_number(
    turns: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = archive._Work.run

    def differ(self: Any, contender: Contender) -> dict[str, float]:
        answer = before(self, contender)
        changed = {OTHER.name: 10, OURS.name: 1}.get(contender.name, 0)
        self._labels[contender.name][:changed] = ["neutral"] * changed
        return answer

    monkeypatch.setattr(archive._Work, "run", differ)
    found = run(1)
    assert found["left_out"] == {OTHER.name: "10 of 20 labels are others"}
    assert found["contenders"][OURS.name]["changed"] == 1


def test_the_help_names_the_parts() -> None:
    from typer.testing import CliRunner

    from benchmarks.__main__ import app

    shown = CliRunner().invoke(app, ["--help"]).output
    for part in ("archive", "service", "growth", "training"):
        assert part in shown
