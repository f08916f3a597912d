"""The command line, run as a user runs it."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from claimstance import SENTIMENTS, STANCES, bundle
from claimstance.cli.main import main
from tests.claimstance.test_documents import EXPORT

Run = Callable[..., subprocess.CompletedProcess[str]]
RELEASED = bundle.read_manifest(bundle.released()).version


def run(*arguments: str, stdin: str | bytes = "") -> subprocess.CompletedProcess[str]:
    data = stdin.encode() if isinstance(stdin, str) else stdin
    result = subprocess.run(
        [sys.executable, "-c", "from claimstance.cli.main import main; main()", *arguments],
        input=data,
        capture_output=True,
        check=False,
    )
    return subprocess.CompletedProcess(
        arguments, result.returncode, result.stdout.decode(), result.stderr.decode()
    )


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run` in this process: a new one costs a second, and most that is said needs none."""

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["claimstance", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return subprocess.CompletedProcess(arguments, ended.value.code, out, err)

    return run


def test_classify_prints_a_table() -> None:
    result = run("classify", "The reef is ours.", "It rained.")
    assert result.returncode == 0
    assert "The reef is ours." in result.stdout
    assert "claimstance:" in result.stdout


def test_json_lines_keep_the_input_fields() -> None:
    rows = [{"id": 7, "text": "The reef is ours.", "tags": ["a"]}, {"text": "It rained."}]
    result = run(
        "classify", "--file", "-", "--format", "jsonl", stdin="\n".join(map(json.dumps, rows))
    )
    first, second = map(json.loads, result.stdout.splitlines())
    assert (first["id"], first["tags"], first["text"]) == (7, ["a"], "The reef is ours.")
    assert first["stance"] in STANCES
    assert sum(first["stance_scores"].values()) == pytest.approx(1)
    assert first["model"].startswith("claimstance:")
    assert "id" not in second


def test_csv_has_a_column_per_score(tmp_path: Path) -> None:
    path = tmp_path / "sentences.txt"
    path.write_text("The reef is ours.\n\nIt rained.\n", encoding="utf-8")
    result = run("classify", "--file", str(path), "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["text"] for row in rows] == ["The reef is ours.", "It rained."]
    for row in rows:
        assert sum(float(row[label]) for label in STANCES) == pytest.approx(1)
        assert sum(float(row[f"sentiment_{label}"]) for label in SENTIMENTS) == pytest.approx(1)


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (["classify", "--file", "none.txt"], "", "none.txt: cannot be opened"),
        (["classify", "--file", "-"], "", "-: holds no sentence"),
        (["classify", "--file", "-"], '{"text": "a"}\n{"x": 1}', "- line 2: needs a field `text`"),
        (["classify", "--file", "-"], '{"text": "a"}\nnope', "- line 2: is not JSON"),
        (["classify", "x", "--model", "none"], "", "no version 'none'"),
        (["classify", " "], "", "sentences[0]: is empty or blank"),
        (["analyze", "none.txt"], "", "none.txt: cannot be opened"),
        (["models", "show", "none"], "", "no version 'none'"),
        (["models", "show", ""], "", "no version ''"),
        (["models", "export", RELEASED, "/dev/null/x"], "", "cannot be made"),
        (["classify", "--file", "-"], '{"text": "\\ud800 x"}', "- line 1: holds half"),
        (["models", "rollback"], "", "nothing was in production"),
    ],
)
def test_errors_are_one_line_that_says_where(
    arguments: list[str], stdin: str, message: str, here: Run
) -> None:
    result = here(*arguments, stdin=stdin)
    assert result.returncode == 1
    assert result.stdout == ""
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_what_is_not_utf8_is_told_in_one_line_too() -> None:
    result = run("classify", "--file", "-", stdin=b"caf\xe9")
    assert result.returncode == 1
    assert result.stdout == ""
    assert "-: is not UTF-8 text (byte 3)" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_sentences_and_a_file_together_are_refused(here: Run) -> None:
    assert here("classify", "A.", "--file", "-").returncode == 2
    assert here("classify").returncode == 2


def test_analyze_shows_metadata_sentences_and_counts(tmp_path: Path) -> None:
    path = tmp_path / "export.txt"
    path.write_text(EXPORT, encoding="utf-8")
    result = run("analyze", str(path))
    assert result.returncode == 0, result.stderr
    assert "id: 40177" in result.stdout
    assert "2019-03-05T14:20" in result.stdout
    assert "  2 " in result.stdout
    assert "  3 " not in result.stdout.split("sentiment:")[0].split("title")[1].split("\n\n")[1]
    assert "Read more" not in result.stdout


def test_models_commands(tiny_version: Path, tmp_path: Path, store: Path, here: Run) -> None:
    assert here("models", "import", str(tiny_version)).stdout == "claimstance:tiny\n"
    assert json.loads(here("models", "show", "tiny").stdout)["version"] == "tiny"
    assert "whole" in here("models", "verify", "tiny").stdout
    assert "tiny is in production" in here("models", "promote", "tiny", "--force").stdout
    assert "* tiny" in " ".join(here("models", "list").stdout.split())
    damaged = store / "models" / "claimstance" / "damaged"
    damaged.mkdir()
    (damaged / "manifest.json").write_text("{}")
    listed = here("models", "list")
    assert "* tiny" in " ".join(listed.stdout.split())
    assert "damaged cannot be read" in " ".join(listed.stdout.split())
    assert "field version: Field required" in listed.stderr
    assert "promote" in here("models", "history").stdout
    assert here("models", "export", "tiny", str(tmp_path / "out")).returncode == 0
    assert (tmp_path / "out" / "manifest.json").exists()
    prediction = here("classify", "It rained.", "--format", "jsonl")
    assert json.loads(prediction.stdout)["model"] == "claimstance:tiny"


def test_a_full_disk_is_reported() -> None:
    program = "from claimstance.cli.main import main; main()"
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [sys.executable, "-c", program, "classify", "It rained."],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert result.returncode == 1
    assert result.stderr.startswith("claimstance: the output cannot be written")


def test_help_teaches() -> None:
    result = run("--help")
    assert result.returncode == 0
    assert len(result.stdout) > 300


@pytest.mark.parametrize("command", ["classify", "analyze", "models"])
def test_each_command_has_help_that_teaches(command: str, here: Run) -> None:
    result = here(command, "--help")
    assert result.returncode == 0
    assert len(result.stdout) > 300
