"""The page of 3,000 networks and 160 measures: what a browser has to hold, and how long it is kept busy."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import sync_playwright

from leaderboard.ledger.metadata import Metadata
from leaderboard.ranking.rank import rank
from leaderboard.views.page import build

NETWORKS, MEASURES = 3000, 160
NODES = 60  # elements a row of the table, the whole page counted
LONG = 50  # milliseconds from which a browser calls a task long
WATCH = """
window.long = [];
new PerformanceObserver((list) => long.push(...list.getEntries().map((entry) => Math.round(entry.duration))))
  .observe({ type: "longtask", buffered: true });
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of that size; its figures are those of a small ranking, repeated, its ledger is of full size."""
    rng = np.random.default_rng(0)
    small = pd.DataFrame(
        {
            "hp.corruption": ["true_labels", "random_labels"] * 24,
            "hp.width": np.repeat([1, 2, 4, 8], 12),
            "hp.lr": np.tile(np.repeat([0.1, 0.2, 0.4], 2), 8),
            "seed": np.tile(np.repeat([0, 1], 6), 4),
            "gap": rng.random(48),
            "measure.m": rng.random(48),
        }
    )
    report = rank(small, bootstrap=20)
    measures = dict(report.measures)
    entry = measures.pop("m")
    assert report.within is not None
    text = r"Norm of the weights." + "\n\n" + r".. math:: \sqrt{\sum_i w_i^2}" + "\n\nUnit: none."
    for place in range(MEASURES):
        about = Metadata(family=f"family {place % 9}", source="A paper", definition=text)
        measures[f"measure_{place:03}"] = replace(entry, Psi=round(float(rng.uniform(-1, 1)), 6), about=about)
    names = [f"measure_{place:03}" for place in range(MEASURES)]
    strata = {
        value: replace(stratum, measures={**stratum.measures, **dict.fromkeys(names, stratum.measures["m"])})
        for value, stratum in report.within.strata.items()
    }
    report = replace(report, models=NETWORKS, measures=measures, within=replace(report.within, strata=strata))
    settings: dict[str, Any] = {
        str(name): rng.permutation(np.resize(small[name], NETWORKS)) for name in small if str(name).startswith("hp.")
    }
    scores = {f"measure.measure_{place:03}": rng.lognormal(size=NETWORKS) for place in range(MEASURES)}
    costs = {f"cost.measure_{place:03}": rng.random(NETWORKS) for place in range(MEASURES)}
    names = [f"network_{place:04}" for place in range(NETWORKS)]
    ledger = pd.DataFrame({"run_id": names, "gap": rng.random(NETWORKS), **settings, **scores, **costs})
    curves = {name: np.geomspace(2, 0.01, 80).tolist() for name in names}
    page = tmp_path_factory.mktemp("scale") / "page.html"
    build(report, ledger, {}, page, curves=curves)
    return page


def test_the_page_stays_light(file: Path, record_property: Any) -> None:
    """Few elements, nothing decoded before it is asked for, and sorting and filtering are each one short piece of work.

    A machine that is busy with other things makes every task long, so what is held to is their number; the times are
    recorded.
    """
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium on the path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.add_init_script(WATCH)
        page.goto(file.as_uri())
        rows = page.locator("#leaderboard tbody tr").count()
        times = {"load": page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")}

        assert rows == MEASURES + 9  # three hyperparameters and all of them, three oracles, chance and the constant
        assert page.evaluate("document.getElementsByTagName('*').length") < NODES * rows
        assert page.evaluate("typeof Plotly") == "undefined"

        header = page.locator("th[data-key=psi] button")
        long = page.evaluate("() => long.splice(0).length")
        for _ in range(4):
            times["sort"] = page.evaluate(
                "(button) => { const start = performance.now(); button.click(); document.body.offsetHeight;"
                " return performance.now() - start; }",
                header.element_handle(),
            )
        page.locator("#search").fill("measure_15")
        assert page.locator("#leaderboard tbody tr:visible").count() == 10
        assert page.evaluate("typeof Plotly") == "undefined"
        assert len(page.evaluate("() => long.splice(0)")) <= 6  # at most one for each of four sorts and two filters

        page.locator("#leaderboard").get_by_role("link", name="measure_150", exact=True).click()
        page.wait_for_selector("#plot .point")
        assert page.locator("#plot .xy .point").count() == NETWORKS
        times["open"] = sum(page.evaluate("() => long.splice(0)"))
        page.locator("#next").click()
        page.wait_for_function("() => plot.dataset.name !== 'measure_150'")
        times["next"] = sum(page.evaluate("() => long.splice(0)"))
        browser.close()
    record_property("long tasks while loading", long)
    for name, milliseconds in times.items():
        record_property(f"{name} [ms]", round(milliseconds, 1))
        print(f"{name}: {milliseconds:.0f} ms")  # noqa: T201  seen with -s
    print(f"{file.stat().st_size / 1e6:.1f} MB; {long} tasks of more than {LONG} ms while loading")  # noqa: T201
