"""The page of the ridge classifiers, as a text and in a browser."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from leaderboard.ranking.report import Report
from leaderboard.views.page import build
from tests.leaderboard.conftest import HOSTILE

QUIET = [  # a Chromium that neither needs a sandbox or a display nor calls home
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

Open = Callable[..., Page]

PROVENANCE = {
    "suite": "digits",
    "date": "2026-11-21",
    "seeds": [0, 1],
    "versions": {"gapbench": "0.1.0"},
    "who": HOSTILE,
}


class Parsed(HTMLParser):
    """Tags with their attributes, scripts by type, and everything that would be fetched."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.scripts: list[tuple[str, str]] = []
        self.words: list[str] = []
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the tag; a script's text follows, in one or more pieces."""
        found = {name: value or "" for name, value in attrs}
        self.tags.append((tag, found))
        self._in_script = tag == "script"
        if self._in_script:
            self.scripts.append((found.get("type", ""), ""))

    def handle_endtag(self, tag: str) -> None:
        """A script ends with its tag."""
        self._in_script = self._in_script and tag != "script"

    def handle_data(self, data: str) -> None:
        """Keep a script by its type, and other text as words."""
        if self._in_script:
            kind, text = self.scripts[-1]
            self.scripts[-1] = kind, text + data
        else:
            self.words.append(data)


@pytest.fixture(scope="module")
def document(ridge_report: Report, ridge_ledger: pd.DataFrame) -> str:
    """The page of the ridge classifiers."""
    return build(ridge_report, ridge_ledger, PROVENANCE)


@pytest.fixture(scope="module")
def parsed(document: str) -> Parsed:
    """The same, parsed."""
    return Parsed(document)


@pytest.fixture(scope="module")
def data(parsed: Parsed) -> dict[str, Any]:
    """The page's data block."""
    (block,) = (text for kind, text in parsed.scripts if kind == "application/json")
    return dict(json.loads(block))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium on the path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def ridge_page(ridge_report: Report, ridge_ledger: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of the page of the ridge classifiers."""
    file = tmp_path_factory.mktemp("page") / "leaderboard.html"
    curves = {"ridge_00": [2.5, 1.25, 0.5]}
    machine = {"device": "cpu x86_64", "versions": {"gapbench": "0.1.0", "torchvision": "0.28.0"}}
    build(ridge_report, ridge_ledger, {"suite": "ridge", "machine 1": machine}, file, curves=curves)
    return file.as_uri()


@pytest.fixture(scope="module")
def plain_page(ridge_report: Report, ridge_ledger: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of the page without plotly, which loads sooner: what draws no plot is tested on it."""
    file = tmp_path_factory.mktemp("plain") / "leaderboard.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "plotly.offline", None)
        build(ridge_report, ridge_ledger, {"suite": "ridge", "versions": {"gapbench": "0.1.0"}}, file)
    return file.as_uri()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Open]:
    """Opens a page in a fresh profile; at the end nothing may have been complained of, asked for or popped up."""
    contexts = []
    noise: list[str] = []

    def opened(address: str, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: noise.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: noise.append(f"error: {error}"))
        page.on("dialog", lambda dialog: noise.append(f"dialog: {dialog.message}"))
        own = address.partition("#")[0]
        page.on("request", lambda request: noise.append(f"request: {request.url}") if request.url != own else None)
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert noise == []


def names(page: Page) -> list[str]:
    """Names of the visible rows, from the top."""
    rows = page.locator("#leaderboard tbody tr:visible")
    return [str(name) for name in rows.evaluate_all("rows => rows.map((row) => row.dataset.name)")]
