"""The engine's threads: free to run on any core, so that processes do not share the first ones."""

import os
from pathlib import Path

import pytest

from claimstance import Predictor, bundle, engine

PROGRAM_CORES = os.sched_getaffinity(0)


def test_no_thread_is_bound_to_a_core(tiny_version: Path) -> None:
    Predictor(tiny_version, 1).predict(["The island is ours."])
    tasks = [int(task.name) for task in Path("/proc/self/task").iterdir()]
    assert {frozenset(os.sched_getaffinity(task)) for task in tasks} == {frozenset(PROGRAM_CORES)}


@pytest.mark.parametrize(
    ("flags", "has"),
    [("fpu avx2 avx512f", False), ("avx512f avx512_vnni", True), ("avx2 avx_vnni", True)],
)
def test_vnni_is_read_from_the_processor_s_flags(
    flags: str, has: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: f"flags\t\t: fpu {flags}\nbugs\t: none")
    assert engine.has_vnni() is has


def test_a_system_that_does_not_tell_has_no_vnni(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    assert not engine.has_vnni()


def test_the_released_version_has_an_int8_graph() -> None:
    assert bundle.read_manifest(bundle.released()).int8 is not None
