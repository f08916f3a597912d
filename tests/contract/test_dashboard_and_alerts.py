"""What /metrics shows, and the dashboard and rules that ask for it."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import ROOT

RULES = ROOT / "deploy" / "prometheus-rules.yml"
DASHBOARD = json.loads((ROOT / "deploy" / "grafana-dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
NAME = re.compile(r"\b(?:claimstance|bentoml)[a-z_:0-9]+")
SELECTOR = re.compile(r"([a-z_:0-9]+)\{([^}]*)\}")
GROUPING = re.compile(r"\bby \(([^)]*)\)")


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> list[str]:
    return QUERIES + [rule["expr"] for rule in rules()]


def promtool(*arguments: str) -> None:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed")
    result = subprocess.run([found, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="module")
def series(service: httpx.Client) -> dict[str, set[str]]:
    """The series that a service shows after some traffic: name to labels."""
    service.post("/classify", json={"sentences": ["The reef is ours.", "It rained."]})
    service.post("/analyze", json={"text": "They agreed to talk."})
    service.post("/explain", json={"sentence": "They agreed to talk."})
    service.post("/feedback", json={"text": "They agreed to talk.", "stance": "conciliatory"})
    service.post("/classify", json={"sentences": []})
    found: dict[str, set[str]] = {}
    for name, labels, _ in samples(service):
        found.setdefault(name, set()).update(labels)
    return found


def samples(service: httpx.Client) -> Iterator[tuple[str, dict[str, str], float]]:
    for family in text_string_to_metric_families(service.get("/metrics").text):
        for sample in family.samples:
            yield sample.name, dict(sample.labels), sample.value


# What 1.0.0 does not tell of its corpus, and later versions do.
LATER = {"claimstance_reference_tokens"}


@pytest.mark.parametrize("expression", expressions())
def test_what_the_dashboard_and_the_rules_ask_for_is_there(
    series: dict[str, set[str]], expression: str
) -> None:
    known = series | {rule["record"]: {"head", "label"} for rule in rules() if "record" in rule}
    names = set(NAME.findall(expression))
    assert names
    assert names - LATER <= set(known)
    for name, selector in SELECTOR.findall(expression):
        assert set(re.findall(r"([a-z_]+)=", selector)) <= known[name]
    given = {"instance", *(label for name in names - LATER for label in known[name])}
    for group in GROUPING.findall(expression):
        assert {label.strip() for label in group.split(",")} <= given


def test_every_metric_of_ours_is_on_the_dashboard(series: dict[str, set[str]]) -> None:
    ours = {name for name in series if name.startswith("claimstance_")}
    asked = {name for query in QUERIES for name in NAME.findall(query)}
    bases = {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in ours} <= bases


def test_the_dashboard_can_be_loaded() -> None:
    assert DASHBOARD["title"]
    assert DASHBOARD["uid"]
    (source,) = DASHBOARD["templating"]["list"]
    assert source["type"] == "datasource"
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers)
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (place["x"] + column, place["y"] + row)
            for column in range(place["w"])
            for row in range(place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken
        taken |= cells
    for panel in PANELS:
        assert panel["datasource"]["uid"] == "${datasource}"


def test_prometheus_accepts_the_rules_and_the_queries(tmp_path: Path) -> None:
    asked = [
        {"record": f"query:{number}", "expr": query.replace("$__rate_interval", "5m")}
        for number, query in enumerate(QUERIES)
    ]
    queries = tmp_path / "queries.yml"
    queries.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": asked}]}))
    for path in (RULES, queries):
        promtool("check", "rules", str(path))


# A day of sentences nearly all of which are firm, against a corpus where few are.
ONE_SIDED = {
    'claimstance_labels_total{head="stance",label="firm"}': "0+90x600",
    'claimstance_labels_total{head="stance",label="neutral"}': "0+10x600",
    'claimstance_reference_share{head="stance",label="firm"}': "0.15x600",
    'claimstance_reference_share{head="stance",label="neutral"}': "0.2x600",
    "claimstance_sentences_total": "0+100x600",
    "claimstance_tokens_total": "0+2000x600",
}
UNTOLD = {name: values for name, values in ONE_SIDED.items() if "reference" not in name}
FORGOTTEN = UNTOLD | {"claimstance_reference_tokens": " ".join(["NaN"] * 600)}


@pytest.mark.parametrize(
    ("alert", "series", "labels"),
    [
        ("ClaimstanceAbsent", {}, {}),
        ("ClaimstanceAbsent", {"claimstance_production_info": "1x600"}, None),
        ("ClaimstancePromotionRefused", {"claimstance_production_refused": "1x600"}, {}),
        ("ClaimstancePromotionRefused", {"claimstance_production_refused": "0x600"}, None),
        ("ClaimstanceLabelsDrift", ONE_SIDED, {"head": "stance", "label": "firm"}),
        ("ClaimstanceLabelsDrift", UNTOLD, None),
        ("ClaimstanceTokensDrift", UNTOLD | {"claimstance_reference_tokens": "8x600"}, {}),
        ("ClaimstanceTokensDrift", UNTOLD | {"claimstance_reference_tokens": "19x600"}, None),
        ("ClaimstanceTokensDrift", FORGOTTEN, None),
    ],
)
def test_an_alert_fires_when_it_should_and_only_then(
    tmp_path: Path, alert: str, series: dict[str, str], labels: dict[str, str] | None
) -> None:
    (rule,) = (rule for rule in rules() if rule.get("alert") == alert)
    expected: list[dict[str, Any]] = []
    if labels is not None:
        said = rule["annotations"]
        for name, label in labels.items():
            mark = f"{{{{ $labels.{name} }}}}"
            said = {key: text.replace(mark, label) for key, text in said.items()}
        expected = [{"exp_labels": labels | rule["labels"], "exp_annotations": said}]
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [{"eval_time": "9h", "alertname": alert, "exp_alerts": expected}],
    }
    tests = tmp_path / "tests.yml"
    tests.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "tests": [test]}))
    promtool("test", "rules", str(tests))


def test_unknown_paths_and_what_clients_send_never_become_labels(service: httpx.Client) -> None:
    for number in range(20):
        assert service.get(f"/nowhere/{number}").status_code == 404
        assert service.post(f"/classify/{number}", json={}).status_code == 404
        model = f"nobody-{number}"
        answer = service.post("/classify", json={"sentences": ["A."], "model": model})
        assert answer.status_code == 404
    found = list(samples(service))
    values = {value for _, labels, _ in found for value in labels.values()}
    assert "/unknown" in values
    assert not {v for v in values if "nowhere" in v or "/classify/" in v or "nobody" in v}


def test_what_was_answered_is_counted(service: httpx.Client) -> None:
    def counted() -> dict[str, float]:
        return {
            name + "".join(sorted(labels.values())): value
            for name, labels, value in samples(service)
        }

    before = counted()
    service.post("/classify", json={"sentences": ["The reef is ours."] * 3})
    service.post("/feedback", json={"text": "A reef.", "stance": "neutral", "sentiment": "neutral"})
    service.post("/classify", json={"sentences": [""]})
    after = counted()
    for name, more in {
        "claimstance_sentences_total": 3,
        "claimstance_corrections_totalneutralstance": 1,
        "claimstance_corrections_totalneutralsentiment": 1,
        "claimstance_refused_totalinvalid_input": 1,
        "claimstance_queue_seconds_count": 1,
    }.items():
        assert after[name] - before.get(name, 0) == more, name
    tokens = after["claimstance_tokens_total"] - before["claimstance_tokens_total"]
    assert tokens == 3 * 7
