"""The README says what is so: its code runs, its paths exist, its make targets are there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.contract.conftest import serving

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
SHELL = [block for language, block in BLOCKS if language == "bash"]


def test_python_blocks_run(tmp_path: Path) -> None:
    blocks = [block for language, block in BLOCKS if language == "python"]
    assert blocks
    for block in blocks:
        subprocess.run([sys.executable, "-c", block], check=True, cwd=tmp_path)


def test_make_targets_exist_and_have_help() -> None:
    named = set(re.findall(r"\bmake ([a-z]+)\b", README)) - {"help"}
    listed = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert named
    for target in named:
        assert f"make {target} " in listed


def test_retraining_without_labels_says_what_to_do() -> None:
    result = subprocess.run(["make", "retrain"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 2
    assert "make retrain DATA=labels.jsonl" in result.stderr


def test_retraining_takes_options_by_make() -> None:
    command = ["make", "--dry-run", "retrain", "DATA=a b", "ARGS=--seed 1"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "python -m training retrain --data a --data b --seed 1\n" in result.stdout


@pytest.mark.parametrize(
    "block", [b for b in SHELL if "make " not in b and "curl" not in b], ids=lambda b: b[:30]
)
def test_shell_blocks_run(block: str, tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    (tmp_path / "data").symlink_to(ROOT / "data")
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        check=True,
        cwd=tmp_path,
        env=os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
    )


def test_the_curl_line_gets_the_answer_shown(store: Path) -> None:
    (block,) = [b for b in SHELL if "curl" in b]
    with serving(store, [sys.executable, "-m", "serving"]) as client:
        base = str(client.base_url).rstrip("/")
        result = subprocess.run(
            ["bash", "-c", block.replace("http://127.0.0.1:3000", base)],
            capture_output=True,
            text=True,
            check=True,
        )
    shown = next(block for language, block in BLOCKS if language == "json")
    for key in re.findall(r'"(\w+)":', shown):
        assert f'"{key}"' in result.stdout


def test_named_paths_exist() -> None:
    tree = README.split("## The tree\n\n```\n")[1].split("```")[0]
    assert len(tree.splitlines()) >= 8
    for line in tree.splitlines():
        assert (ROOT / line.split()[0]).is_dir(), line
    for path in re.findall(r"`((?:data|docs|training|tests)/[\w./]+)`", README):
        assert (ROOT / path).exists(), path
