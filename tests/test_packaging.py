"""What is installed and built: pins that agree, a wheel that is enough by itself."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from claimstance import bundle
from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def name_of(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def pins(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return {name_of(line): line.split("==")[1] for line in lines}


def test_every_requirement_is_pinned() -> None:
    constraints = pins(ROOT / "constraints.txt")
    groups = [
        PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"].values(),
        *PROJECT["dependency-groups"].values(),
    ]
    for requirement in (requirement for group in groups for requirement in group):
        assert name_of(requirement) in constraints, requirement


def test_the_bento_installs_what_the_package_and_what_serves_it_ask_for() -> None:
    asked = list(PROJECT["project"]["dependencies"])
    for extra in ("serving", "postgresql", "tracing"):
        asked += PROJECT["project"]["optional-dependencies"][extra]
    bento = pins(ROOT / "serving" / "requirements.txt")
    constraints = pins(ROOT / "constraints.txt")
    assert set(bento) == {name_of(requirement) for requirement in asked}
    assert {name: constraints[name] for name in bento} == bento


def test_known_holes_are_not_pinned() -> None:
    constraints = pins(ROOT / "constraints.txt")

    def version(name: str) -> tuple[int, ...]:
        return tuple(int(part) for part in constraints[name].split("+")[0].split(".")[:3])

    assert version("transformers") >= (5, 3)
    assert version("torch") >= (2, 10)
    assert version("python-multipart") >= (0, 0, 27)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "--wheel-dir"]
    subprocess.run([*command, str(folder), str(ROOT)], check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_holds_the_package_and_the_released_version_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"claimstance"}
    model = bundle.read_manifest(bundle.released())
    for file in (bundle.MANIFEST, *model.names):
        assert f"claimstance/released/{model.version}/{file}" in names


def test_the_wheel_alone_classifies(wheel: Path, tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    # This environment's pip installs into the other, which needs none.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-compile"]
    subprocess.run(
        [
            *install,
            "--quiet",
            "--disable-pip-version-check",
            "--constraint",
            str(ROOT / "constraints.txt"),
            str(wheel),
        ],
        check=True,
        capture_output=True,
    )
    program = (
        "import sys, claimstance\n"
        "assert claimstance.__file__.startswith(sys.prefix)\n"
        "(p,) = claimstance.Predictor.load().predict(['The reef is ours.'])\n"
        "print(p.stance)\n"
    )
    result = subprocess.run(
        [python, "-I", "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert result.stdout.strip() in ("firm", "conciliatory", "neutral")
    claimstance = str(tmp_path / "venv" / "bin" / "claimstance")
    command = [claimstance, "models", "import", str(bundle.released())]
    imported = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert imported.returncode == 1
    assert "claimstance[serving]" in imported.stderr
