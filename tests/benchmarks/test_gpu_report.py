"""The report of `make gpu` loses nothing: a section that fails or hangs leaves what it had, and the others follow."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.benchmarks.gpu_report.apart import Part, Setting, done_apart, parts
from tests.benchmarks.gpu_report.baselines import Outcome
from tests.benchmarks.gpu_report.convolutions import KERNELS, as_products, one_by_one
from tests.benchmarks.gpu_report.sections import SECTIONS, SHAPES
from tests.benchmarks.gpu_report.suites import _steps, _words
from tests.benchmarks.gpu_report.throughput import _figures, _verdicts, _whole_fleets
from tests.benchmarks.gpu_report.writing import markdown
from zoo.recipe import Recipe

SHAPE = "nin, 32 channels"


def require_bf16() -> None:
    """Fails."""
    raise RuntimeError("no bf16 here")


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    """Images that are not there."""
    return Setting(out=tmp_path, small=True, dataset="nowhere", data_dir=tmp_path)


def test_a_section_that_fails_leaves_its_traceback(setting: Setting) -> None:
    """In words for the report; its process ends with it."""
    said = done_apart(SHAPE, setting, 120.0)
    assert said.startswith(f"{SHAPE}: failed with status 1.")
    assert "Traceback" in said
    assert "No data set is called 'nowhere'" in said


def test_a_section_whose_time_is_up_is_ended(setting: Setting) -> None:
    """Within its time, though it has not even begun by then."""
    assert done_apart("peaks", setting, 0.2).startswith("peaks: ended after 0 s, when its time was up.")


def test_what_was_kept_is_there_and_a_piece_that_fails_is_told(setting: Setting) -> None:
    """Written at once; the report is in words whatever is missing."""
    setting.part(SHAPE).parent.mkdir()
    part = Part(setting.part(SHAPE), until=float("inf"))
    figures = _figures([[Outcome(10.0, 5, 0.5, True)]])
    part.keep(parameters=14890, choices={}, kinds={"loader_float32": {**figures, "share_of_peak": 0.25}})
    with part.failing("bf16"):
        require_bf16()

    found = parts(setting, list(SECTIONS))
    assert found[SHAPE]["kinds"]["loader_float32"]["networks_an_hour"] == 360.0
    said = markdown({"sections": found, "left_out": ["suites: failed.\nTraceback"], "seconds": 1.0})
    assert "RuntimeError: no bf16 here" in said
    assert "suites: failed" in said
    assert "14,890 parameters" in said
    assert "| loader_float32 | 360 |" in said


@pytest.mark.parametrize("name", SECTIONS)
def test_every_section_can_be_written_when_it_has_found_nothing(name: str) -> None:
    """Or half of what it looks for."""
    found: dict[str, Any] = {"networks": [], "suites": {}, "kinds": {}} if name in SHAPES else {}
    assert markdown({"sections": {name: found}, "left_out": []}).startswith("# Training")


def test_the_figures_that_the_goals_are_about_come_first() -> None:
    """Once the peaks are known, of which they give the share."""
    assert list(SECTIONS)[: 1 + len(SHAPES)] == ["peaks", *SHAPES]
    assert sum(section.minutes for section in SECTIONS.values()) < 25


def test_networks_an_hour_and_times_by_hand() -> None:
    """Ten networks of 2 epochs at 1 s each against one of 4 epochs in 60 s, by the faster of two rounds."""
    own = _figures([[Outcome(2.0, 2, 0.5, True)] * 5 + [Outcome(2.0, 2, 0.7, False)] * 5] * 2)
    other = _figures([[Outcome(90.0, 4, 0.6, True)], [Outcome(60.0, 4, 0.8, True)]])
    assert (own["networks_an_hour"], other["networks_an_hour"]) == (1800.0, 60.0)
    assert (own["converged"], own["networks"], other["networks"]) == (5, 10, 2)
    verdict = _verdicts({"gapbench_bf16": own, "loader_float32": other})["gapbench_bf16 / loader_float32"]
    assert verdict["times"] == 30.0
    assert verdict["times_an_epoch"] == 15.0
    assert verdict["accuracy_difference"] == pytest.approx(-0.1)
    assert verdict["within_seed_noise"]  # 0.1 < 2 * 0.1 * sqrt(1 / 10 + 1 / 2)


@pytest.mark.parametrize(("kernel", "stride"), KERNELS)
def test_both_ways_are_the_same_convolution(kernel: int, stride: int) -> None:
    """Or their times could not be compared."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 8, 8, generator=draw, dtype=torch.float64)
    weight = torch.randn(5, 3, kernel, kernel, generator=draw, dtype=torch.float64)
    torch.testing.assert_close(as_products(x, weight, stride), one_by_one(x, weight, stride))


@pytest.mark.parametrize(
    ("affordable", "number"), [(0.1, 16), (16.0, 16), (47.9, 32), (1e9, 64)], ids=["none", "one", "two", "all"]
)
def test_whole_fleets_are_trained(affordable: float, number: int) -> None:
    """At least one, and no more than there are."""
    assert _whole_fleets(64, 16, affordable) == number


def test_a_suite_is_as_long_as_its_steps() -> None:
    """Of all its images where a recipe names no number; in words as `Size.gpu` has them."""
    assert _steps(Recipe(dataset="cifar10", batch_size=128, max_epochs=10)) == 3900
    assert _steps(Recipe(train_size=100, batch_size=32, max_epochs=7)) == 21
    said = [_words(seconds) for seconds in (3.2, 89.0, 91.0, 5399.0, 5401.0)]
    assert [words.removesuffix(", estimated") for words in said] == [
        "about 4 s", "about 89 s", "about 2 min", "about 90 min", "about 2 h",
    ]  # fmt: skip
