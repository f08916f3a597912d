"""ENGINES.md: what was measured as tables, and who may be the core's engine by the bar."""

from collections.abc import Iterable, Sequence
from typing import Any

from scipy.stats import beta

from benchmarks.engines import candidates
from benchmarks.engines.batches import CORE, PLANS
from benchmarks.summary import Spread, ratios, spread

MOST_CHANGED = 0.01
"""Share of labels that may differ from float32."""

MOST_LOST = 0.005
"""Macro-F1 that may be lost against float32."""

MOST_BY_COMPANY = 1e-3
"""A probability may move by this with who shares the batch."""

Found = dict[str, Any]

INTRODUCTION = """# Which engine

The same weights and the same sentences, tokenised already, through every candidate on the same
threads. Made by

    make .venv-bench/engines/ready
    .venv-bench/engines/bin/python -m benchmarks.engines all --archive PATH

or without `make`: a virtual environment in `.venv-bench/engines`, `pip install torch==2.13.0`, then
`pip install --requirement benchmarks/requirements-engines.txt`.

Speed is the median of the rounds, in which all take turns, and in brackets the least and the
greatest; **compare ratios**, which are taken within a round. Labels changed are those that differ
from torch's in float32, in brackets the share that it is at most with 95 % confidence (Clopper
and Pearson 1934). *Change* is the mean and the largest difference of a stance probability.
*Company* is the largest change of a probability by what shares a sentence's batch, all of one
padded length.
"""


def render(labels: Found | None, speed: Found | None) -> str:
    """Return the report on what there is; either part may not have been measured yet."""
    parts = [INTRODUCTION]
    if labels:
        parts += [_engines(labels, speed), _verdict(labels, speed), _sensitivity(labels)]
    if speed:
        parts += [_processes(speed), _batches(speed)]
    parts += [_conditions(title, found) for title, found in _named(labels, speed)]
    return "\n".join(parts)


def _named(labels: Found | None, speed: Found | None) -> list[tuple[str, Found]]:
    both = (("Labels", labels), ("Speed", speed))
    return [(title, found) for title, found in both if found]


def _engines(labels: Found, speed: Found | None) -> str:
    reference = labels["reference_f1"]
    rows = [
        [
            candidates.REFERENCE.name,
            *[""] * 7,
            *(f"{reference[head]:.4f}" for head in reference),
            "",
        ]
    ]
    for name, told in labels["candidates"].items():
        f1 = told["dev"]["macro_f1"]
        changed = [
            _changed(told[text]["changed"][head], labels["sentences"][text])
            for head in ("stance", "sentiment")
            for text in ("archive", "dev")
        ]
        change = " ".join(f"{told['dev'][key]:.4f}" for key in ("mean", "largest"))
        rows.append(
            [
                name,
                *_speed(speed, name),
                *changed,
                change,
                *(f"{f1[head]:.4f} ({f1[head] - reference[head]:+.4f})" for head in f1),
                f"{told['company']:.0e}" if told["company"] else "0",
            ]
        )
    header = [
        *("", "sentences/s", "ratio"),
        *("stance changed, archive", "dev", "sentiment changed, archive", "dev"),
        *("change, dev", "macro-F1 stance, dev", "sentiment", "company"),
    ]
    stances = " and ".join(
        f"{sum(counts[:2]) / sum(counts):.0%} of {text}"
        for text, counts in labels["stances"].items()
    )
    return "\n".join(
        [
            "## Engines",
            "",
            f"*Archive* is {labels['sentences']['archive']} sentences of {labels['text']}, *dev* "
            f"the corpus's dev part, {labels['sentences']['dev']} sentences partly chosen for "
            f"being hard; float32 finds a stance in {stances}. int8 ranges are set by "
            f"{candidates.CALIBRATIONS[1]} other sentences, half of the archive and half of the "
            "corpus's training part, where no other number is given.",
            "",
            _table(header, rows),
            "",
        ]
    )


def _verdict(labels: Found, speed: Found | None) -> str:
    """Tell of each int8 candidate whether it keeps the bar, and what it brings."""
    reference = labels["reference_f1"]["stance"]
    lines = []
    for name, told in labels["candidates"].items():
        if "int8" not in name:
            continue
        faults = []
        for text in ("archive", "dev"):
            for head, count in told[text]["changed"].items():
                share = count / labels["sentences"][text]
                if share > MOST_CHANGED:
                    faults.append(f"{share:.2%} of {head} labels changed on {text}")
        lost = reference - told["dev"]["macro_f1"]["stance"]
        if lost > MOST_LOST:
            faults.append(f"{lost:.4f} of macro-F1 lost")
        if told["company"] > MOST_BY_COMPANY:
            faults.append(f"a probability moves by {told['company']:.0e} with the batch")
        brings = ""
        if speed and name in speed["seconds"]["engines"]:
            rounds = speed["seconds"]["engines"]
            ratio = _times(ratios(rounds[candidates.FULL.name], rounds[name]))
            brings = f"; {ratio} of the full graph's speed"
        lines.append(f"- {name}: {'; '.join(faults) or '**within the bar**'}{brings}")
    return "\n".join(
        [
            "## Is int8 earned?",
            "",
            f"The bar: at most {MOST_CHANGED:.0%} of labels changed against float32, at most "
            f"{MOST_LOST:.3f} of macro-F1 lost, and no probability that moves by more than "
            f"{MOST_BY_COMPANY:g} with what shares the batch.",
            "",
            *lines,
            "",
        ]
    )


def _sensitivity(labels: Found) -> str:
    rows = []
    for cost in labels["sensitivity"]:
        rows.append([f"{cost['change']:.4f}", ", ".join(map(_short, cost["readers"]))])
    return "\n".join(
        [
            "## What quantising each input costs",
            "",
            "Root mean square change of the logits when one activation alone is in int8, the "
            "weights being it all the while, on sentences that are not measured on.",
            "",
            _table(["change", "goes into"], rows),
            "",
        ]
    )


def _short(operation: str) -> str:
    """Return an operation's name without what all names share and the tracer adds."""
    return operation.split("/")[0].removeprefix("__module.network.").replace("encoder.", "")


def _processes(speed: Found) -> str:
    rows = []
    for name, seconds in speed["seconds"]["processes"].items():
        alone = speed["seconds"]["engines"][name]
        rows.append([name, _rate(speed, seconds), _times(ratios(alone, seconds))])
    return "\n".join(
        [
            "## One process of all threads, or a process for each",
            "",
            f"{speed['threads']} processes of one thread each; the ratio is to one process of "
            f"{speed['threads']} threads.",
            "",
            _table(["", "sentences/s", "ratio"], rows),
            "",
        ]
    )


def _batches(speed: Found) -> str:
    core = speed["seconds"]["engines"][candidates.CORE.name]
    rows = []
    for name, plan in PLANS.items():
        seconds = core if plan == CORE else speed["seconds"]["batches"][name]
        rows.append([name, _rate(speed, seconds), _times(ratios(core, seconds))])
    return "\n".join(
        [
            "## Batches",
            "",
            f"Sentences in order of length through {candidates.CORE.name}, at most {CORE.tokens:,} "
            "tokens a batch but where said.",
            "",
            _table(["", "sentences/s", "ratio"], rows),
            "",
        ]
    )


def _speed(speed: Found | None, name: str) -> tuple[str, str]:
    if not speed or name not in speed["seconds"]["engines"]:
        return "", ""
    rounds = speed["seconds"]["engines"]
    ratio = ratios(rounds[candidates.BASE.name], rounds[name])
    return _rate(speed, rounds[name]), _times(ratio)


def _rate(speed: Found, seconds: Sequence[float]) -> str:
    return _spread(spread([speed["sentences"] / each for each in seconds]), ".0f")


def _times(value: Spread) -> str:
    return _spread(value, ".2f")


def _spread(value: Spread, form: str) -> str:
    middle, least, greatest = (
        format(each, form) for each in (value.median, value.least, value.greatest)
    )
    return f"{middle} ({least}-{greatest})"


def _changed(count: int, total: int) -> str:
    """Return a share, and the bound that it keeps with 95 % confidence."""
    bound = float(beta.ppf(0.95, count + 1, total - count)) if count < total else 1.0
    return f"{count / total:.2%} (<{bound:.2%})"


def _conditions(title: str, found: Found) -> str:
    machine = found["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in found["packages"].items())
    return "\n".join(
        [
            f"## {title}: conditions",
            "",
            f"- `{found['command']}`, {found['date']}, commit {machine['commit']}",
            f"- {machine['processor']}, {machine['cores']} cores, "
            f"{' '.join(machine['instructions'])}, {machine['memory_gb']} GB, "
            f"{machine['system']}; load before: {machine['load_before']}",
            f"- {found['model']}, {found['threads']} threads; {found['text']}; Python "
            f"{machine['python']}, {packages}",
            "",
        ]
    )


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
