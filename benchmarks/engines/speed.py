"""How fast the candidates are: all loaded, taking turns over the same sentences."""

import multiprocessing
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.engines import batches, candidates
from benchmarks.engines.batches import Ids, Plan
from benchmarks.engines.candidates import Candidate
from benchmarks.progress import Steps

SPLIT = (candidates.FULL, candidates.CORE)
"""Candidates that are also run as one process for each thread."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A candidate, how its sentences are cut, and how many processes of how many threads."""

    candidate: Candidate
    plan: Plan
    processes: int
    threads: int


def settings(threads: int) -> dict[str, dict[str, Setting]]:
    """Return what is timed, by the table it belongs to and by name."""
    core = batches.CORE
    return {
        "engines": {each.name: Setting(each, core, 1, threads) for each in candidates.TIMED},
        "processes": {each.name: Setting(each, core, threads, 1) for each in SPLIT},
        "batches": {
            name: Setting(candidates.CORE, plan, 1, threads)
            for name, plan in batches.PLANS.items()
            if plan != core
        },
    }


def measure(
    version: Path, folder: Path, sentences: list[Ids], rounds: int, threads: int
) -> dict[str, dict[str, list[float]]]:
    """Return the seconds of every round, by table and name.

    Each setting goes through all sentences once before the first round, so that nothing is
    compiled in one that counts. Who begins a round turns.
    """
    wanted = settings(threads)
    seconds: dict[str, dict[str, list[float]]] = {
        table: {name: [] for name in members} for table, members in wanted.items()
    }
    field = [(table, name) for table, members in wanted.items() for name in members]
    crews: list[Crew] = []
    with Steps(len(field) * (rounds + 1)) as steps:
        try:
            for table, name in field:
                steps.begin(f"loading: {name}")
                crews.append(Crew(wanted[table][name], version, folder, sentences))
                crews[-1].work()
            for number in range(rounds):
                turn = number * len(field) // rounds
                for index in [*range(turn, len(field)), *range(turn)]:
                    table, name = field[index]
                    steps.begin(f"round {number + 1}/{rounds}: {name}")
                    seconds[table][name].append(crews[index].work())
        finally:
            for crew in crews:
                crew.end()
    return seconds


class Crew:
    """The processes of one setting, loaded and waiting; each has its share of the sentences."""

    def __init__(self, setting: Setting, version: Path, folder: Path, sentences: list[Ids]) -> None:
        context = multiprocessing.get_context("spawn")
        # Dealt in order of length, so that the shares are alike.
        ordered = sorted(sentences, key=len)
        self._members = []
        for start in range(setting.processes):
            ours, theirs = context.Pipe()
            share = ordered[start :: setting.processes]
            process = context.Process(
                target=_serve, args=(theirs, setting, version, folder, share), daemon=True
            )
            process.start()
            theirs.close()
            self._members.append((process, ours))
        for _, ours in self._members:
            ours.recv()

    def work(self) -> float:
        """Have all sentences computed once; return the seconds until the last process is done."""
        began = time.perf_counter()
        for _, ours in self._members:
            ours.send(True)
        for _, ours in self._members:
            ours.recv()
        return time.perf_counter() - began

    def end(self) -> None:
        """Let the processes end."""
        for process, ours in self._members:
            ours.close()
            process.join(10)


def _serve(
    theirs: Connection, setting: Setting, version: Path, folder: Path, share: list[Ids]
) -> None:
    run = setting.candidate.open(version, folder, setting.threads)
    cut = setting.plan.cut(share)
    theirs.send(True)
    while True:
        try:
            theirs.recv()
        except EOFError:
            return
        for batch in cut:
            run(*batch)
        theirs.send(True)
