"""ENGINES.md says who keeps the bar, and draws what there is."""

from typing import Any

import pytest

from benchmarks.engines import candidates, report, speed

NAME = candidates.LINEAR.name
MACHINE = {
    "commit": "abc",
    "processor": "Some",
    "cores": 2,
    "instructions": ["VNNI"],
    "memory_gb": 8,
    "system": "Linux",
    "load_before": 0.1,
    "python": "3.11",
}
CONDITIONS = {
    "machine": MACHINE,
    "packages": {"openvino": "1"},
    "model": "claimstance:1",
    "text": "speeches",
    "threads": 2,
    "command": "python -m benchmarks.engines",
    "date": "2026-01-01",
}


def told(stances: int = 0, f1: float = 0.85, company: float = 0.0) -> dict[str, Any]:
    changed = {"changed": {"stance": stances, "sentiment": 0}, "mean": 0.001, "largest": 0.02}
    dev = changed | {"macro_f1": {"stance": f1, "sentiment": 0.8}}
    candidate = {"archive": changed, "dev": dev, "company": company}
    return CONDITIONS | {
        "candidates": {NAME: candidate},
        "reference_f1": {"stance": 0.85, "sentiment": 0.8},
        "sentences": {"archive": 1000, "dev": 1000},
        "stances": {"archive": [50, 50, 900], "dev": [200, 200, 600]},
        "sensitivity": [{"readers": ["__module.network.stance/MatMul"], "change": 0.03}],
        "setting": 500,
    }


def timed() -> dict[str, Any]:
    seconds = {
        table: {name: [2.0, 4.0, 2.0] for name in members}
        for table, members in speed.settings(2).items()
    }
    seconds["engines"][NAME] = [1.0, 2.0, 0.5]
    return CONDITIONS | {"sentences": 100, "seconds": seconds}


def test_who_changes_little_is_within_the_bar() -> None:
    assert f"- {NAME}: **within the bar**" in report.render(told(stances=10), None)


@pytest.mark.parametrize(
    ("kept", "fault"),
    [
        (told(stances=11), "1.10% of stance labels changed on archive"),
        (told(f1=0.844), "0.0060 of macro-F1 lost"),
        (told(company=0.02), "moves by 2e-02"),
    ],
)
def test_who_breaks_the_bar_is_told_why(kept: dict[str, Any], fault: str) -> None:
    page = report.render(kept, None)
    assert fault in page
    assert "**within the bar**" not in page


def test_ratios_are_taken_within_a_round() -> None:
    page = report.render(told(), timed())
    row = next(line for line in page.splitlines() if line.startswith(f"| {NAME} |"))
    assert "| 100 (50-200) | 2.00 (2.00-4.00) |" in row


def test_each_part_is_drawn_without_the_other() -> None:
    assert "## Batches" not in report.render(told(), None)
    assert "## Engines" not in report.render(None, timed())


def test_every_table_is_of_one_width() -> None:
    page = report.render(told(), timed())
    for table in page.split("\n\n"):
        widths = {line.count("|") for line in table.splitlines() if line.startswith("|")}
        assert len(widths) <= 1
