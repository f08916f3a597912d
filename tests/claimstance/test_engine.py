"""The engine's threads: free to run on any core, so that processes do not share the first ones."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from claimstance import Predictor, bundle, engine


def test_no_thread_is_bound_to_a_core_while_it_computes(tiny_version: Path) -> None:
    predictor = Predictor(tiny_version, 1)
    sentences = [f"The island number {number} is ours." for number in range(3000)]
    seen = set()
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(predictor.predict, sentences)
        while not work.done():
            for task in Path("/proc/self/task").iterdir():
                with suppress(OSError):
                    seen.add(frozenset(os.sched_getaffinity(int(task.name))))
    assert work.result()
    assert seen == {frozenset(os.sched_getaffinity(0))}


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
