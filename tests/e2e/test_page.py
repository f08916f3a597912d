"""The page in a real Chromium, used as a person would: by mouse, by keyboard, on a phone."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from claimstance import Predictor
from serving import keys
from tests.conftest import ROOT
from tests.contract.conftest import serving, started_before
from training import records

TEXT = (
    "The reef 🏝️ has always been ours, and it's not for sale.\n\n"
    "Both governments are ready to settle the boundary by talks. "
    "It <b>rained</b> & rained on Tuesday."
)
SENTENCES = [
    "The reef 🏝️ has always been ours, and it's not for sale.",
    "Both governments are ready to settle the boundary by talks.",
    "It <b>rained</b> & rained on Tuesday.",
]


class Watched:
    """A page, and all that it should not do: errors, and requests to other hosts."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        context.on("request", lambda request: self._request(request.url, address))
        self.page.goto(address)
        expect(self.page.locator("#model")).to_contain_text("claimstance:")

    def _request(self, url: str, address: str) -> None:
        if not url.startswith((address, "data:")):
            self.complaints.append(url)


@pytest.fixture
def options() -> dict[str, Any]:
    """What the browser's window is like; parametrized where it matters."""
    return {}


@pytest.fixture
def page(browser: Browser, served: httpx.Client, options: dict[str, Any]) -> Iterator[Page]:
    """The page as opened; at the end, it must have complained of nothing."""
    context = browser.new_context(**options)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    watched = Watched(context, f"{served.base_url}")
    yield watched.page
    context.close()
    assert watched.complaints == []


def read(page: Page, text: str = TEXT) -> Locator:
    """Have a text read; return its sentences."""
    page.get_by_label("A sentence or an article").fill(text)
    page.get_by_role("button", name="Read it").click()
    sentences = page.locator(".sentence")
    sentences.first.wait_for()
    return sentences


def copied(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


def test_a_text_is_shown_whole_with_each_sentence_marked(page: Page, released: Predictor) -> None:
    sentences = read(page)
    predictions = released.predict(SENTENCES)
    expect(sentences).to_have_count(3)
    for index, (text, prediction) in enumerate(zip(SENTENCES, predictions, strict=True)):
        sentence = sentences.nth(index)
        expect(sentence).to_contain_text(text)
        expect(sentence).to_have_class(f"sentence {prediction.stance}")
        score = round(100 * prediction.stance_scores[prediction.stance])
        name = sentence.text_content() or ""
        assert f"({prediction.stance} " in name
        assert f", {prediction.sentiment}" in name
        assert ("not confident" in name) is not prediction.confident
        shown = int(name.rsplit(f"({prediction.stance} ", 1)[1].split(" ")[0])
        assert shown == pytest.approx(score, abs=2)
    assert page.locator("#article b").count() == 0  # markup in the text stays text
    expect(page.locator("#about")).to_have_text("3 sentences.")
    expect(page.locator("#chart rect")).to_have_count(3)
    firm = sum(p.stance == "firm" for p in predictions)
    expect(page.locator(".number.firm small")).to_have_text(f"{firm} of 3")


def test_stances_are_told_apart_without_colour(page: Page) -> None:
    sentences = read(page)
    style = "element => getComputedStyle(element).textDecorationStyle"
    line = "element => getComputedStyle(element).textDecorationLine"
    assert page.locator(".sentence.firm").first.evaluate(style) == "solid"
    assert page.locator(".sentence.conciliatory").first.evaluate(style) == "dotted"
    assert page.locator(".sentence.neutral").first.evaluate(line) == "none"
    expect(sentences.locator(".tag .sign")).to_have_count(3)


def test_a_sentence_opens_with_its_scores_and_the_words_that_weighed_most(page: Page) -> None:
    sentences = read(page)
    sentences.first.click()
    panel = page.get_by_role("group", name="Sentence 1: scores and correction")
    expect(panel.get_by_role("radio")).to_have_count(6)
    expect(panel.get_by_role("radio", name="firm")).to_be_checked()
    expect(panel.locator(".most li")).to_have_count(5)
    expect(panel.locator(".words")).to_contain_text("By occlusion")
    assert (panel.locator(".weighed").text_content() or "") == SENTENCES[0]
    sentences.nth(1).click()  # one is open at a time
    expect(page.locator(".panel")).to_have_count(1)
    sentences.nth(1).click()
    expect(page.locator(".panel")).to_have_count(0)


def test_a_correction_is_kept_and_exported_as_training_data(
    page: Page, home: Path, tmp_path: Path
) -> None:
    sentences = read(page)
    sentences.nth(2).click()
    keep = page.get_by_role("button", name="Keep correction")
    expect(keep).to_be_disabled()
    page.get_by_role("radio", name="conciliatory").check()
    keep.click()
    expect(page.locator(".outcome")).to_contain_text("Kept as number")
    expect(sentences.nth(2)).to_contain_text("corrected: conciliatory")
    path = tmp_path / "corrections.jsonl"
    command = [sys.executable, "-c", "from claimstance.cli.main import main; main()"]
    subprocess.run(
        [*command, "feedback", "export", "--out", str(path)],
        env=os.environ | {"BENTOML_HOME": str(home)},
        check=True,
        cwd=ROOT,
    )
    (record,) = [r for r in records.read(path) if r.text == SENTENCES[2]]
    assert (record.stance, record.sentiment) == ("conciliatory", None)
    assert record.slices["model"].startswith("claimstance:")
    page.get_by_role("button", name="Copy as JSON").click()
    expect(page.locator("#copied")).to_have_text("JSON copied.")
    assert json.loads(copied(page))["sentences"][2]["corrected"] == {"stance": "conciliatory"}


def test_a_correction_that_is_not_kept_says_so_and_can_be_sent_again(
    browser: Browser, served: httpx.Client
) -> None:
    page = browser.new_page()
    page.goto(str(served.base_url))
    read(page).first.click()
    page.get_by_role("radio", name="positive").check()
    refusal = {"error": {"code": "x", "message": "the store is away", "where": None}}
    page.route("**/feedback", lambda route: route.fulfill(status=503, json=refusal))
    page.get_by_role("button", name="Keep correction").click()
    expect(page.locator(".outcome")).to_have_text("Not kept. The store is away.")
    page.unroute("**/feedback")
    page.get_by_role("button", name="Keep correction").click()
    expect(page.locator(".outcome")).to_contain_text("Kept as number")
    page.close()


def test_what_is_copied_is_what_is_shown(page: Page, served: httpx.Client) -> None:
    read(page)
    page.get_by_role("button", name="Copy as CSV").click()
    expect(page.locator("#copied")).to_have_text("CSV copied.")
    rows = list(csv.DictReader(io.StringIO(copied(page))))
    assert [row["text"] for row in rows] == SENTENCES
    for row in rows:
        assert sum(float(row[name]) for name in ("firm", "conciliatory", "neutral")) == (
            pytest.approx(1)
        )
    page.get_by_role("button", name="Copy the curl line").click()
    expect(page.locator("#copied")).to_have_text("curl line copied.")
    expect(page.locator("#curl")).to_have_text(copied(page))
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    line = ["bash", "-c", copied(page)]
    answer = json.loads(subprocess.run(line, capture_output=True, check=True).stdout)
    assert [sentence["text"] for sentence in answer["sentences"]] == SENTENCES


def test_a_dropped_file_is_read(page: Page) -> None:
    drop = """content => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(content)], "article.txt"));
        for (const type of ["dragover", "drop"])
            document.body.dispatchEvent(
                new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
    }"""
    page.evaluate(drop, list(b"\xef\xbb\xbf" + TEXT.encode()))
    expect(page.locator(".sentence")).to_have_count(3)
    expect(page.locator(".sentence").first).to_contain_text(SENTENCES[0])
    page.evaluate(drop, list(TEXT.encode("utf-16")))
    expect(page.get_by_role("alert")).to_have_text(
        "article.txt is not UTF-8 text; convert it first."
    )


def test_a_chosen_file_is_read(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "article.txt"
    path.write_text(TEXT, encoding="utf-8")
    page.locator("#file").set_input_files(path)
    expect(page.locator(".sentence")).to_have_count(3)


def test_nothing_too_much_and_nothing_readable_are_told(page: Page, tmp_path: Path) -> None:
    alert = page.get_by_role("alert")
    page.get_by_role("button", name="Read it").click()
    expect(alert).to_contain_text("nothing to read yet")
    text = page.get_by_label("A sentence or an article")
    text.fill("a" * 1_000_001)
    expect(alert).to_contain_text("1,000,001 characters; at most 1,000,000")
    expect(page.get_by_role("button", name="Read it")).to_be_disabled()
    text.fill("A")
    expect(alert).to_be_hidden()
    large = tmp_path / "large.txt"
    large.write_bytes(b"a" * 4_000_001)
    page.locator("#file").set_input_files(large)
    expect(alert).to_contain_text("large.txt has 4,000,001 bytes")


def test_refusals_and_a_service_that_is_gone_are_told(
    browser: Browser, served: httpx.Client
) -> None:
    page = browser.new_page()
    page.goto(str(served.base_url))
    page.get_by_label("A sentence or an article").fill("... – ...")
    page.get_by_role("button", name="Read it").click()
    expect(page.get_by_role("alert")).to_have_text("The text holds no sentence.")
    page.route("**/analyze", lambda route: route.abort())
    page.get_by_role("button", name="Read it").click()
    expect(page.get_by_role("alert")).to_have_text("The service cannot be reached.")
    page.unroute("**/analyze")
    read(page)
    expect(page.get_by_role("alert")).to_be_hidden()
    page.close()


def test_while_it_reads_it_says_so_and_takes_no_second_order(page: Page) -> None:
    waiting = []
    page.route("**/analyze", lambda route: waiting.append(route))
    page.get_by_label("A sentence or an article").fill(TEXT)
    page.get_by_role("button", name="Read it").click()
    expect(page.locator("#ask")).to_have_attribute("aria-busy", "true")
    expect(page.get_by_role("status").first).to_have_text("Reading…")
    page.get_by_role("button", name="Reading…").click()
    assert len(waiting) == 1
    waiting[0].continue_()
    expect(page.locator(".sentence")).to_have_count(3)
    expect(page.locator("#ask")).not_to_have_attribute("aria-busy", "true")


def test_a_text_given_while_another_is_read_is_read_next(page: Page, tmp_path: Path) -> None:
    waiting = []
    page.route("**/analyze", lambda route: waiting.append(route), times=1)
    page.get_by_label("A sentence or an article").fill(TEXT)
    page.get_by_role("button", name="Read it").click()
    expect(page.locator("#ask")).to_have_attribute("aria-busy", "true")
    path = tmp_path / "next.txt"
    path.write_text("The lighthouse is theirs.")
    page.locator("#file").set_input_files(path)
    expect(page.get_by_label("A sentence or an article")).to_have_value(path.read_text())
    waiting[0].continue_()
    expect(page.locator(".sentence")).to_have_count(1)
    expect(page.locator(".sentence")).to_contain_text("The lighthouse is theirs.")
    expect(page.locator("#ask")).not_to_have_attribute("aria-busy", "true")


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_label("A sentence or an article")).to_be_focused()
    page.keyboard.insert_text(TEXT)
    page.keyboard.press("Control+Enter")
    sentences = page.locator(".sentence")
    expect(sentences).to_have_count(3)
    expect(page.locator("#glance")).to_be_focused()
    page.keyboard.press("Tab")
    expect(sentences.first).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    expect(sentences.last).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    panel = page.get_by_role("group", name="Sentence 2: scores and correction")
    expect(panel).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Keep correction")).to_be_focused()
    page.keyboard.press("Enter")
    expect(panel.locator(".outcome")).to_contain_text("Kept as number")
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(sentences.nth(1)).to_be_focused()


@pytest.mark.parametrize(
    "options",
    [
        {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True},
        {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    ],
    ids=["phone", "dark"],
)
def test_nothing_runs_off_the_screen_and_everything_can_be_read(page: Page) -> None:
    def contrast(selector: str) -> float:
        """Return the contrast of a text against the page's ground, as WCAG 2 defines it."""
        ratio = page.locator(selector).first.evaluate(
            """element => {
                const luminance = (colour) => {
                    const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map(Number)
                        .map((v) => v / 255)
                        .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
                    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
                };
                const ground = luminance(getComputedStyle(document.body).backgroundColor);
                const text = luminance(getComputedStyle(element).color);
                return (Math.max(ground, text) + 0.05) / (Math.min(ground, text) + 0.05);
            }"""
        )
        return float(ratio)

    wide = "[document.documentElement.scrollWidth, innerWidth]"
    long_word = "x" * 300
    sentences = read(page, f"{TEXT} The {long_word} is ours.")
    sentences.last.click()
    page.locator(".most li").first.wait_for()
    page.get_by_text("The curl line for this text").click()
    scroll, window = page.evaluate(wide)
    assert scroll == window
    for selector in ("h1", ".soft", ".firm > .tag", ".conciliatory > .tag", ".neutral > .tag"):
        assert contrast(selector) >= 4.5, selector


def test_where_the_service_asks_for_a_key_the_page_asks_for_it_and_goes_on(
    browser: Browser, store: Path
) -> None:
    first, second = keys.add("first"), keys.add("second")
    with serving(started_before(store), [sys.executable, "-m", "serving"]) as client:
        page = browser.new_page()
        page.goto(str(client.base_url))
        field = page.get_by_label("This service asks for an API key")
        hint = page.locator("#locked")
        expect(field).to_be_focused()
        for wrong, answer in (("wröng", "That is no key"), ("wrong", "That key is not known")):
            field.fill(wrong)
            field.press("Enter")
            expect(hint).to_contain_text(answer)
        field.fill(first)
        page.get_by_role("button", name="Use it").click()
        expect(field).to_be_hidden()
        expect(page.locator("#model")).to_contain_text("claimstance:")
        assert field.input_value() == ""
        page.reload()  # the tab keeps it
        expect(page.locator("#model")).to_contain_text("claimstance:")
        keys.revoke("first")
        page.get_by_label("A sentence or an article").fill(TEXT)
        page.get_by_role("button", name="Read it").click()
        expect(hint).to_contain_text("That key is not known")
        field.fill(second)
        field.press("Enter")
        expect(page.locator(".sentence")).to_have_count(3)
        line = page.locator("#curl").text_content() or ""
        assert '-H "authorization: Bearer $CLAIMSTANCE_KEY"' in line
        assert second not in page.content()
        storage = "[...Object.values(localStorage), document.cookie].join()"
        assert second not in page.evaluate(storage)
        elsewhere = browser.new_page()
        elsewhere.goto(str(client.base_url))
        expect(elsewhere.get_by_label("This service asks for an API key")).to_be_visible()
        elsewhere.close()
        page.close()
