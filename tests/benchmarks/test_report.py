"""The report is written from figures alone, and says what they come to."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks import report, results, service
from benchmarks.contenders import REFERENCE

CONDITIONS: dict[str, Any] = {
    "machine": {
        "processor": "A Processor",
        "instructions": ["VNNI"],
        "cores": 2,
        "memory_gb": 8.0,
        "load_before": 0.1,
        "system": "Linux 6",
        "python": "3.11.7",
        "commit": "abc1234",
        "openvino": "2026.4",
    },
    "command": "python -m benchmarks archive --archive speeches.zip",
    "date": "2026-11-30",
    "model": "claimstance:1.1.0",
    "threads": 2,
    "text": "speeches.zip",
    "left_out": {"a rival": "its environment is not there"},
}


def archive_figures() -> dict[str, Any]:
    def runs(*seconds: float) -> list[dict[str, float]]:
        return [{"seconds": each, "loading": 1.0, "peak_bytes": 5e8} for each in seconds]

    return CONDITIONS | {
        "sentences": 300,
        "contenders": {
            "claimstance": {"how": "as it is", "runs": runs(1.0, 1.0, 2.0), "changed": 3},
            REFERENCE: {"how": "batches", "runs": runs(10.0, 12.0, 20.0), "changed": 0},
        },
        "encoder": [
            {"seconds": 0.5, "sentences": 50, "tokens": 500, "flop": 1e11, "precision": "bf16"}
        ],
        "limit": [
            {"bf16": {"rate": 300.0, "engine": "torch", "shape": [1, 2, 3]}},
            {"bf16": {"rate": 400.0, "engine": "openvino", "shape": [4, 5, 6]}},
        ],
    }


def test_the_archive_s_ratios_are_medians_over_the_parts() -> None:
    text = report.render({"archive": archive_figures()})
    # 10, 12 and 10 times as fast; 100, 100 and 50 sentences a second.
    assert "| claimstance: as it is | 100 (50-100) | 10x (10-12) | 1.0 | 50 | 500 | 1.00% |" in text


def test_the_encoder_s_share_is_of_the_best_rate_found() -> None:
    text = report.render({"archive": archive_figures()})
    assert "200 GFLOP/s counting no padding: **50%** of the limit in bf16" in text
    assert "openvino, 4 x 5 x 6" in text


def test_conditions_and_those_left_out_are_told() -> None:
    text = report.render({"archive": archive_figures()})
    assert "- left out, a rival: its environment is not there" in text
    assert "`python -m benchmarks archive --archive speeches.zip`" in text
    assert "A Processor, 2 cores with VNNI" in text


def loaded(name: str, number: int, rate: float, errors: dict[str, int]) -> dict[str, Any]:
    done = {
        "name": name,
        "connections": 16,
        "seconds": 2.0,
        "processor": 0.2,
        "answered": [[1, 0.5], [3, 1.0]] if rate else [],
        "errors": errors,
    }
    summary = service.summary(done) | {"round": number}
    return summary | ({"sentences_a_second": rate} if rate else {})


def test_the_service_s_tables_show_rates_times_and_errors() -> None:
    servers = {
        "claimstance": {
            "how": "ours",
            "starting": [2.0],
            "memory": [4e8],
            "loads": [loaded("one", 0, 300.0, {}), loaded("one", 1, 100.0, {})],
        },
        "FastAPI, pipeline": {
            "how": "theirs",
            "starting": [5.0, 6.0],
            "memory": [7e8],
            "loads": [
                loaded("one", 0, 30.0, {"503": 2}),
                loaded("one", 1, 20.0, {"503": 1}),
                loaded("list", 0, 0.0, {"no answer in time": 16}),
            ],
        },
    }
    found = CONDITIONS | {
        "servers": servers,
        "seconds": 4,
        "timeout": 20,
        "ceiling": [loaded("one", 0, 9000.0, {})],
    }
    text = report.render({"service": found})
    assert "| 16 | claimstance | 200 (100-300) | 7.5x (5-10) | 1000 | 1000 | 0 |" in text
    assert "| 16 | FastAPI, pipeline | 25 (20-30) | 1x | 1000 | 1000 | 3 503 |" in text
    assert "| 16 | FastAPI, pipeline | 0 | - | - | - | 16 no answer in time |" in text
    assert "9000 at 16" in text


def test_growth_compares_the_time_a_sentence_with_the_largest_s() -> None:
    def size(times: int, *seconds: float) -> dict[str, Any]:
        runs = [{"seconds": each, "peak_bytes": 3e8} for each in seconds]
        return {"size": times, "documents": 1, "sentences": 100 * times, "bytes": 1, "runs": runs}

    found = CONDITIONS | {"starting": [1.0], "sizes": [size(1, 2.2, 2.2), size(10, 11.0)]}
    text = report.render({"growth": found})
    assert "| 1x | 1 | 100 | 0.00 | 2.2 | 12.00 | 1.20 | 300 |" in text


def test_training_compares_with_the_trainer_s_defaults() -> None:
    contenders = {
        "transformers Trainer, defaults": {"how": "so", "seconds": [10.0, 20.0]},
        "claimstance": {"how": "so", "seconds": [5.0, 5.0]},
    }
    found = CONDITIONS | {"sentences": 10, "corpus": 99, "contenders": contenders}
    assert "| claimstance: so | 5.0 | 3x (2-4) |" in report.render({"training": found})


def test_a_part_run_again_replaces_its_figures_alone(tmp_path: Path) -> None:
    results.save("archive", archive_figures(), tmp_path)
    results.save("growth", {"sizes": []}, tmp_path)
    results.save("growth", CONDITIONS | {"sizes": [1]}, tmp_path)
    found = results.load(tmp_path)
    assert list(found) == ["archive", "growth"]
    assert found["growth"]["sizes"] == [1]


def test_the_report_in_the_project_is_that_of_its_figures() -> None:
    if not results.load():
        pytest.skip("nothing has been measured yet")
    written = (results.HOME / "RESULTS.md").read_text(encoding="utf-8")
    assert written == report.render(results.load())
