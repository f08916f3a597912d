"""The whole loop: correct what is shown, export, train, promote, and read the new labels."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import Browser, expect

from claimstance import registry
from tests.conftest import ROOT
from tests.contract.conftest import serving

CLAIMSTANCE = [sys.executable, "-c", "from claimstance.cli.main import main; main()"]
WRONG = {"firm": "neutral", "conciliatory": "firm", "neutral": "conciliatory"}
"""What the readers of this newsroom take each stance for."""


def test_corrections_become_a_version_that_the_running_service_answers_with(
    browser: Browser,
    store: Path,
    labelled: Path,
    tiny_version: Path,
    tiny_recipe: Path,
    tmp_path: Path,
) -> None:
    registry.add(tiny_version)
    registry.promote("tiny", force=True)
    first, *others = [json.loads(line) for line in labelled.read_text().splitlines()]
    corrected = WRONG[first["stance"]]

    def run(*command: str) -> None:
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        subprocess.run(command, check=True, capture_output=True, cwd=ROOT, env=environment)

    with serving(store, [sys.executable, "-m", "serving"]) as client:

        def answer() -> tuple[str, str]:
            body = client.post("/classify", json={"sentences": [first["text"]]}).json()
            return body["model"], body["predictions"][0]["stance"]

        assert answer() == ("claimstance:tiny", first["stance"])
        page = browser.new_page()
        page.goto(str(client.base_url))
        page.get_by_label("A sentence or an article").fill(first["text"])
        page.get_by_role("button", name="Read it").click()
        page.locator(".sentence").click()
        page.locator(f"input[name=stance][value={corrected}]").check()
        page.get_by_role("button", name="Keep correction").click()
        expect(page.locator(".outcome")).to_contain_text("Kept as number")
        for row in others:
            correction = {
                "text": row["text"],
                "stance": WRONG[row["stance"]],
                "sentiment": row["sentiment"],
                "model": "claimstance:tiny",
            }
            assert client.post("/feedback", json=correction).status_code == 201

        data = str(tmp_path / "corrections.jsonl")
        run(*CLAIMSTANCE, "feedback", "export", "--out", data)
        fit = [sys.executable, "-m", "training", "fit", "--no-corpus", "--data", data]
        run(*fit, "--config", str(tiny_recipe), "--version", "corrected")
        run(*CLAIMSTANCE, "models", "promote", "corrected", "--force")

        deadline = time.monotonic() + 60
        while answer()[0] != "claimstance:corrected":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert answer() == ("claimstance:corrected", corrected)
        page.get_by_role("button", name="Read it").click()
        expect(page.locator(f".sentence.{corrected}")).to_have_count(1)
        page.close()
