"""Measure training and scoring on this machine's GPU, and write what came out to runs/gpu/report.md and report.json.

    python -m tests.benchmarks.gpu_report [--small] [--out DIR] [--data-dir DIR] [--minutes M] [--only SECTION ...]

`--small` does the same at a tiny size, also on a CPU. Each section has a separate process and time limit,
and its results enter the report as soon as they are known; `--only` repeats some sections and keeps the other results.
"""

import argparse
import json
import logging
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from harness.store.atomic_write import write_text
from tests.benchmarks.gpu_report.apart import Setting, done_apart, parts
from tests.benchmarks.gpu_report.images import images
from tests.benchmarks.gpu_report.sections import SECTIONS, do, sections
from tests.benchmarks.gpu_report.writing import markdown

MINUTES: Final = {"small": 8.0, "whole": 22.0}
LEAST: Final = 15.0  # seconds that a section is begun for: it starts a process, and a GPU

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, write, and print the report."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--small", action="store_true")
    options.add_argument("--out", type=Path, default=Path("runs/gpu"))
    options.add_argument("--data-dir", type=Path, default=os.environ.get("GAPBENCH_DATA") or None)
    options.add_argument("--minutes", type=float, default=None)
    options.add_argument("--only", nargs="+", choices=[*SECTIONS], default=None, metavar="SECTION")
    options.add_argument("--section", choices=[*SECTIONS], default=None, help=argparse.SUPPRESS)
    options.add_argument("--setting", default=None, help=argparse.SUPPRESS)
    given = options.parse_args(arguments)
    if given.section is not None:
        setting = json.loads(given.setting)
        paths = {name: Path(setting[name]) for name in ("out", "data_dir")}
        do(given.section, Setting(**{**setting, **paths}), 60 * given.minutes)
        return
    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)7.0f ms %(message)s")
    begun = time.monotonic()
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["GAPBENCH_CACHE"] = scratch  # so every timing is repeated, and none is left behind
        many, few = (400, 100) if given.small else (10_000, 2_000)
        dataset, folder = images(given.data_dir, Path(scratch), many, few)
        own = Setting(out=given.out.absolute(), small=given.small, dataset=dataset, data_dir=folder.absolute())
        minutes = given.minutes or MINUTES["small" if given.small else "whole"]
        report = reported(own, given.only, begun, 60 * minutes)
    print(markdown(report))


def reported(setting: Setting, only: Sequence[str] | None, begun: float, seconds: float) -> dict[str, Any]:
    """Do the sections, and write the report after each."""
    todo = [name for name in sections(setting) if only is None or name in only]
    if only is None:
        for name in SECTIONS:
            setting.part(name).unlink(missing_ok=True)
    report: dict[str, Any] = {"left_out": [], "took": {}}
    for index, name in enumerate(todo):
        left = begun + seconds - time.monotonic()
        share = SECTIONS[name].minutes / sum(SECTIONS[other].minutes for other in todo[index:])
        if left * share < min(LEAST, seconds / 60):
            report["left_out"].append(f"{name}: the time was up.")
            continue
        log.info("%s, at most %.0f s", name, left * share)
        start = time.monotonic()
        if why := done_apart(name, setting, left * share):
            log.info(why)
            report["left_out"].append(why)
        report["took"][name] = time.monotonic() - start
        report |= {"sections": parts(setting, [*SECTIONS]), "seconds": time.monotonic() - begun}
        write_text(setting.out / "report.json", json.dumps(report, indent=1, default=str))
        write_text(setting.out / "report.md", markdown(report))
    return report


if __name__ == "__main__":
    main()
