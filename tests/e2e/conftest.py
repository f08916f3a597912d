"""A real Chromium, where there is one, and a service for it."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.contract.conftest import serving, started_before


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    # Chromium's own sandbox does not start for root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The BentoML home of `served`."""
    return started_before(tmp_path_factory.mktemp("e2e"))


@pytest.fixture(scope="session")
def served(home: Path) -> Iterator[httpx.Client]:
    with serving(home, [sys.executable, "-m", "serving"], MAX_SENTENCES="1000") as client:
        yield client
