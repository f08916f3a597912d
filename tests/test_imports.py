"""Who may import whom: parsed from the sources, and seen in a fresh process."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

FORBIDDEN = {
    "claimstance": {
        *("benchmarks", "training", "serving"),
        *("torch", "transformers", "datasets", "sklearn", "nncf"),
    },
    "serving": {
        *("benchmarks", "training"),
        *("torch", "transformers", "datasets", "sklearn", "nncf", "ray"),
    },
    "training": {"benchmarks", "serving", "ray"},
    "benchmarks": {"serving", "ray"},
}
ONLY_IN = {
    "bentoml": "claimstance/registry.py",
    "httpx": "claimstance/client.py",
    "psycopg": "claimstance/feedback.py",
    "ray": "claimstance/scoring/ray_engine.py",
    "sqlite3": "claimstance/feedback.py",
}
LATE = {"bentoml", "httpx", "pandas", "psycopg", "scipy", "pyarrow", "duckdb", "jinja2", "ray"}
"""What only some commands need, and those load when they are called."""


def imported(path: Path) -> set[str]:
    """Return the top-level names that a source file imports anywhere."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", FORBIDDEN)
def test_sources_import_only_what_they_may(package: str) -> None:
    sources = list((ROOT / package).rglob("*.py"))
    assert sources
    for path in sources:
        assert not imported(path) & FORBIDDEN[package], path


@pytest.mark.parametrize("library", ONLY_IN)
def test_some_libraries_are_known_to_one_module_of_the_core_alone(library: str) -> None:
    sources = (ROOT / "claimstance").rglob("*.py")
    users = [str(path.relative_to(ROOT)) for path in sources if library in imported(path)]
    assert users == [ONLY_IN[library]]


def test_nothing_unpickles() -> None:
    for package in FORBIDDEN:
        for path in (ROOT / package).rglob("*.py"):
            assert not imported(path) & {"pickle", "cloudpickle", "joblib", "dill", "marshal"}, path


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("claimstance", FORBIDDEN["claimstance"] | LATE),
        ("claimstance.cli.main", FORBIDDEN["claimstance"] | LATE),
        ("serving.service", FORBIDDEN["serving"] | {"scipy"}),
        ("training.cli.main", FORBIDDEN["claimstance"] - {"training"} | LATE),
    ],
)
def test_a_fresh_process_loads_nothing_heavy(module: str, absent: set[str]) -> None:
    program = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert not set(result.stdout.split()) & absent


@pytest.mark.parametrize("module", ["claimstance.engine", "training.export"])
def test_nothing_is_reported_to_the_makers_of_the_engine(module: str) -> None:
    program = f"import sys, {module}; from openvino.tools.ovc import telemetry_utils as used; "
    program += "print(used.tm.__name__, sys.modules['openvino_telemetry'])"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert result.stdout.split() == ["openvino.tools.ovc.telemetry_stub", "None"]


def test_modules_stay_small() -> None:
    lengths = {
        path: len(path.read_text(encoding="utf-8").splitlines())
        for folder in (*FORBIDDEN, "tests")
        for kind in ("*.py", "*.js")
        for path in (ROOT / folder).rglob(kind)
    }
    assert {path: length for path, length in lengths.items() if length > 400} == {}
    ours = sorted(length for path, length in lengths.items() if ROOT / "tests" not in path.parents)
    assert ours[len(ours) // 2] < 150
