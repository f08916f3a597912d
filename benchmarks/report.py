"""RESULTS.md: every part's figures as tables, written from the files that the runs left."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import contenders, results, servers, training
from benchmarks.service import KINDS
from benchmarks.summary import Spread, ratios, spread
from claimstance.durable import replace

INTRODUCTION = """# Measured side by side

Written by `make bench`; every number is of a run. All contenders of a part worked in one run on one
machine and took turns, with the same weights, text and threads. Given is the median of the rounds
and, in brackets, the least and the greatest. **Compare ratios**, which are taken within a round:
another machine, or the same on another day, gives other rates. Rivals compute one of
the two heads, which favours them.
"""

Found = dict[str, Any]


def write(home: Path = results.HOME) -> Path:
    """Write RESULTS.md into `home` from the figures in its `results/`; return its path."""
    path = home / "RESULTS.md"
    text = render(results.load(home))
    replace(path, lambda file: file.write_text(text, encoding="utf-8"))
    return path


def render(found: dict[str, Found]) -> str:
    """Return the report on the parts there are figures of."""
    draw = {
        "archive": _archive,
        "service": _service,
        "growth": _growth,
        "training": _training,
    }
    parts = [f"{draw[part](figures)}\n{_conditions(figures)}" for part, figures in found.items()]
    return "\n".join([INTRODUCTION, *parts])


def _archive(found: Found) -> str:
    taking_part = found["contenders"]
    each = found["sentences"] / len(next(iter(taking_part.values()))["runs"])
    reference = [run["seconds"] for run in taking_part[contenders.REFERENCE]["runs"]]
    rows = []
    for name, kept in taking_part.items():
        seconds = [run["seconds"] for run in kept["runs"]]
        loading = [run["loading"] for run in kept["runs"]]
        whole = [a + b for a, b in zip(seconds, loading, strict=True)]
        rows.append(
            [
                f"{name}: {kept['how']}",
                _spread(spread([each / value for value in seconds])),
                _times(ratios(reference, seconds)),
                f"{spread(loading).median:.1f}",
                f"{spread([each / value for value in whole]).median:.0f}",
                f"{max(run['peak_bytes'] for run in kept['runs']) / 1e6:.0f}",
                f"{kept['changed'] / found['sentences']:.2%}",
            ]
        )
    header = ["", "sentences/s", "ratio", "loading, s", "sentences/s with loading", "peak MB"]
    return "\n".join(
        [
            "## Archive",
            "",
            f"{found['sentences']} sentences of {found['text']}, from JSON Lines to Parquet, in "
            f"{len(reference)} parts; each contender does each part once, in an order that turns. "
            "Loading (starting, reading the weights, for rivals also a first batch) is taken out "
            "of the first two columns. Labels changed are those that differ from "
            f"{contenders.REFERENCE}'s, which computes in full precision.",
            "",
            _table([*header, "labels changed"], rows),
            "",
            _limit(found),
        ]
    )


def _limit(found: Found) -> str:
    """Return what the processor can do at most, and how much of it the encoder reaches."""
    encoder = found["encoder"]
    work = sum(run["flop"] for run in encoder) / sum(run["sentences"] for run in encoder)
    tokens = sum(run["tokens"] for run in encoder) / sum(run["sentences"] for run in encoder)
    best: dict[str, Found] = {}
    for measured in found["limit"]:
        for kind, top in measured.items():
            if kind not in best or top["rate"] > best[kind]["rate"]:
                best[kind] = top
    rows = [
        [
            kind,
            f"{top['rate']:.0f}",
            f"{top['rate'] * 1e9 / work:.0f}",
            f"{top['engine']}, {' x '.join(map(str, top['shape']))}",
        ]
        for kind, top in best.items()
    ]
    rate = spread([run["flop"] / run["seconds"] / 1e9 for run in encoder])
    each = spread([run["sentences"] / run["seconds"] for run in encoder])
    kind = encoder[0]["precision"].split("+")[0]
    return "\n".join(
        [
            f"The processor's limit, the best of matrix products before and after. A sentence has "
            f"{tokens:.0f} tokens on average and costs {work / 1e6:.0f} MFLOP.",
            "",
            _table(["number type", "GFLOP/s", "sentences/s at that rate", "reached by"], rows),
            "",
            f"Claimstance's encoder alone, on tokens and without the first stage, computes in "
            f"{kind}: {_spread(each)} sentences/s, {_spread(rate)} GFLOP/s counting no padding: "
            f"**{rate.median / best[kind]['rate']:.0%}** of the limit in {kind}.",
        ]
    )


def _service(found: Found) -> str:
    names = found["servers"]
    lines = [
        "## Service",
        "",
        f"Requests from so many open connections, each sending the next as soon as it has its "
        f"answer, for {found['seconds']:g} s; what is on its way then is waited for. No answer "
        f"within {found['timeout']:g} s is an error, and the server is then started anew. The load "
        "generator runs on the same cores.",
        "",
        _table(
            ["", "start to first answer, s", "peak MB, all its processes"],
            [
                [
                    f"{name}: {kept['how']}",
                    _spread(spread(kept["starting"]), ".1f"),
                    f"{max(kept['memory']) / 1e6:.0f}",
                ]
                for name, kept in names.items()
            ],
        ),
    ]
    for kind, said in KINDS.items():
        rows = [
            row
            for connections in sorted({load["connections"] for load in _loads(names)})
            for row in _at(names, kind, connections)
        ]
        if rows:
            header = ["connections", "", "sentences/s", "ratio", "p50, ms", "p99, ms", "errors"]
            if kind == "mixed":
                header.insert(6, "p99 of those of one, ms")
            lines += ["", f"### {said[0].upper()}{said[1:]}", "", _table(header, rows)]
    ceiling = ", ".join(
        f"{load['sentences_a_second']:.0f} at {load['connections']}" for load in found["ceiling"]
    )
    most = max(load["generator"] for load in _loads(names))
    lines += [
        "",
        f"Requests a second that the generator sends to a server that does nothing: {ceiling}. In "
        f"the loads above it took {most:.0%} of one core at most.",
    ]
    return "\n".join(lines)


def _loads(names: Found) -> list[Found]:
    return [load for kept in names.values() for load in kept["loads"]]


def _at(names: Found, kind: str, connections: int) -> Iterable[list[str]]:
    """Yield a row for each server at one load."""
    rounds = {
        name: {
            load["round"]: load
            for load in kept["loads"]
            if (load["kind"], load["connections"]) == (kind, connections)
        }
        for name, kept in names.items()
    }
    base = rounds.get(servers.REFERENCE, {})
    for name, loads in rounds.items():
        if not loads:
            continue
        rates = [load["sentences_a_second"] for load in loads.values()]
        both = [number for number in loads if base.get(number, {}).get("sentences_a_second")]
        ratio = "-"
        if both:
            times = ratios(
                [loads[number]["sentences_a_second"] for number in both],
                [base[number]["sentences_a_second"] for number in both],
            )
            ratio = _times(times)
        errors: dict[str, int] = {}
        for load in loads.values():
            for what, count in load["errors"].items():
                errors[what] = errors.get(what, 0) + count
        told = ", ".join(f"{count} {what}" for what, count in errors.items()) or "0"
        times_of_one = [_time(loads.values(), "p99_of_one")] if kind == "mixed" else []
        latencies = [_time(loads.values(), "p50"), _time(loads.values(), "p99"), *times_of_one]
        yield [str(connections), name, _spread(spread(rates)), ratio, *latencies, told]


def _time(loads: Iterable[Found], name: str) -> str:
    values = [load[name] * 1000 for load in loads if load[name] is not None]
    return f"{spread(values).median:.0f}" if values else "-"


def _growth(found: Found) -> str:
    starting = spread(found["starting"]).median
    last = found["sizes"][-1]
    unit = (spread([run["seconds"] for run in last["runs"]]).median - starting) / last["sentences"]
    rows = []
    for size in found["sizes"]:
        seconds = spread([run["seconds"] for run in size["runs"]])
        each = (seconds.median - starting) / size["sentences"]
        rows.append(
            [
                f"{size['size']}x",
                f"{size['documents']}",
                f"{size['sentences']}",
                f"{size['bytes'] / 1e6:.2f}",
                _spread(seconds, ".1f"),
                f"{each * 1000:.2f}",
                f"{each / unit:.2f}",
                f"{max(run['peak_bytes'] for run in size['runs']) / 1e6:.0f}",
            ]
        )
    header = ["size", "documents", "sentences", "MB", "seconds", "ms a sentence"]
    return "\n".join(
        [
            "## Growth",
            "",
            f"Documents of {found['text']} through `claimstance score`, with {found['threads']} "
            f"workers. Starting takes {starting:.1f} s (the same command on one sentence), which "
            "is taken out of the time a sentence; memory is of all its processes.",
            "",
            _table([*header, "to the largest's", "peak MB"], rows),
        ]
    )


def _training(found: Found) -> str:
    taking_part = found["contenders"]
    first = next(iter(training.CONTENDERS))
    base = taking_part.get(first, {}).get("seconds")
    rows = [
        [
            f"{name}: {kept['how']}",
            _spread(spread(kept["seconds"]), ".1f"),
            _times(ratios(base, kept["seconds"])) if base else "-",
        ]
        for name, kept in taking_part.items()
    ]
    return "\n".join(
        [
            "## Training",
            "",
            f"One epoch on {found['sentences']} sentences, drawn anew each round from the corpus's "
            f"{found['corpus']} to train on; no evaluation, no saving.",
            "",
            _table(["", "seconds", "times as fast"], rows),
        ]
    )


def _conditions(found: Found) -> str:
    """Return what a part was run on and how, and who could not take part."""
    machine = found["machine"]
    lines = [""]
    lines += [f"- left out, {name}: {why}" for name, why in found.get("left_out", {}).items()]
    lines += [
        f"- `{found['command']}`, {found['date']}, commit {machine['commit']}, {found['model']}, "
        f"{found['threads']} threads",
        f"- {machine['processor']}, {machine['cores']} cores with "
        f"{', '.join(machine['instructions']) or 'no vector instructions of note'}, "
        f"{machine['memory_gb']} GB; {machine['system']}, Python {machine['python']}, OpenVINO "
        f"{machine['openvino']}; load before {machine['load_before']}",
    ]
    for name, versions in found.get("versions", {}).items():
        told = ", ".join(f"{package} {version}" for package, version in versions.items())
        lines.append(f"- environment `{name}`: {told}")
    return "\n".join([*lines, ""])


def _times(value: Spread) -> str:
    """Return a ratio with its range."""
    return _spread(value, ".3g", "x")


def _spread(value: Spread, form: str = ".0f", mark: str = "") -> str:
    """Return a median and, where there is one, its range."""
    middle, least, greatest = (
        format(each, form) for each in (value.median, value.least, value.greatest)
    )
    return f"{middle}{mark}" if least == greatest else f"{middle}{mark} ({least}-{greatest})"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
