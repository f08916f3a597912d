"""The bento: built from bentofile.yaml, and served from where it was built."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import yaml

from claimstance import bundle
from claimstance.predictor import graph_of
from tests.conftest import ROOT
from tests.contract.conftest import serving


def test_the_bento_builds_and_serves(store: Path) -> None:
    environment = os.environ | {"BENTOML_HOME": str(store)}
    built = subprocess.run(
        [sys.executable, "-m", "bentoml", "build", "--output", "tag"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    tag = built.stdout.strip().splitlines()[-1].removeprefix("__tag__:")
    folder = store / "bentos" / tag.replace(":", "/")
    content = {path.relative_to(folder / "src").parts[0] for path in (folder / "src").rglob("*.*")}
    assert {"claimstance", "serving", "models"} <= content
    assert not content & {"training", "tests", "data", "notebooks"}
    assert (folder / "src" / "serving" / "page" / "page.js").is_file()
    assert not list(folder.rglob(bundle.WEIGHTS))
    # Told apart from this checkout, which an editable installation puts on the path as well.
    index = folder / "src" / "serving" / "page" / "index.html"
    index.write_text(
        index.read_text().replace("<title>Claimstance", "<title>A bento's Claimstance")
    )
    requirements = (folder / "env" / "python" / "requirements.txt").read_text()
    assert "torch" not in requirements
    command = [sys.executable, "-m", "bentoml", "serve", tag, "--host", "127.0.0.1"]
    with serving(store, command, cwd=store) as client:
        response = client.post("/classify", json={"sentences": ["The reef is ours."]})
        assert response.status_code == 200
        assert "<title>A bento's Claimstance</title>" in client.get("/").text
        mapped = [m.path for p in started(store) for m in maps(p)]
        model = bundle.read_manifest(bundle.released())
        _, weights = graph_of(model)
        graphs = {path for path in mapped if path.endswith(weights)}
        assert graphs
        assert all(Path(path).is_relative_to(folder) for path in graphs)
        assert response.json()["model"] == model.tag


def started(store: Path) -> list[psutil.Process]:
    """Return the processes of the server of `store`; other tests' servers may run beside it."""
    children = psutil.Process().children(recursive=True)
    return [p for p in children if p.environ().get("BENTOML_HOME") == str(store)]


def maps(process: psutil.Process) -> list[Any]:
    """Return the files that a process has mapped into its memory."""
    return list(process.memory_maps()) if process.status() != psutil.STATUS_ZOMBIE else []


def test_the_bentofile_names_what_exists() -> None:
    described = yaml.safe_load((ROOT / "bentofile.yaml").read_text())
    assert described["python"]["lock_packages"] is False
    assert (ROOT / described["python"]["requirements_txt"]).is_file()
