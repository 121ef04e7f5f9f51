"""Measure training and scoring on this machine's GPU, and write what came out to runs/gpu/report.md and report.json.

    python -m tests.benchmarks.gpu_report [--small] [--out DIR] [--data-dir DIR] [--minutes M]

`--small` does the same at a tiny size, also on a CPU.
"""

import argparse
import json
import logging
import os
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any, Final

import torch

from harness.files import write_text
from tests.benchmarks.gpu_report.catalogue import scored
from tests.benchmarks.gpu_report.device import peak_flops
from tests.benchmarks.gpu_report.images import images
from tests.benchmarks.gpu_report.machine import repeated, several_processes
from tests.benchmarks.gpu_report.throughput import PRECISIONS, Bench, choice_of, measured
from tests.benchmarks.gpu_report.writing import markdown
from zoo.recipe import Recipe

SHAPES: Final[dict[str, dict[str, Any]]] = {
    "nin, 32 channels": {"model": "nin", "width": 2.0},
    "nin, 88 channels": {"model": "nin", "width": 5.5},
    "nin, 272 channels": {"model": "nin", "width": 17.0},
    "vit, 2 blocks of 32": {"model": "vit", "width": 2.0, "optimizer": "adamw", "learning_rate": 0.001},
    "vit, 4 blocks of 64": {"model": "vit", "width": 4.0, "depth": 4, "optimizer": "adamw", "learning_rate": 0.001},
}
SMALL_SHAPES: Final = ("nin, 32 channels", "vit, 2 blocks of 32")
GPU_TRAIN_SIZE: Final = 5000  # so that the slowest baseline trains a network in seconds

log = logging.getLogger(__name__)


def main() -> None:
    """Measure, write, and print the report."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--small", action="store_true")
    options.add_argument("--out", type=Path, default=Path("runs/gpu"))
    options.add_argument("--data-dir", type=Path, default=os.environ.get("GAPBENCH_DATA") or None)
    options.add_argument("--minutes", type=float, default=None)
    given = options.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)7.0f ms %(message)s")
    if given.small:
        torch.set_num_threads(1)  # so little work has no use for more
    minutes = given.minutes or (1.5 if given.small else 22.0)
    with tempfile.TemporaryDirectory() as cache:
        os.environ["GAPBENCH_CACHE"] = cache  # every timing is made anew, and none is left behind
        many, few = (400, 100) if given.small else (10_000, 2_000)
        dataset, folder, said = images(None if given.small else given.data_dir, Path(cache), many, few)
        report = reported(dataset, folder, small=given.small, minutes=minutes) | {"images": said}
    given.out.mkdir(parents=True, exist_ok=True)
    write_text(given.out / "report.json", json.dumps(report, indent=1, default=str))
    write_text(given.out / "report.md", markdown(report))
    print(markdown(report))


def reported(dataset: str, data_dir: Path, *, small: bool, minutes: float) -> dict[str, Any]:
    """All sections; one that fails or for which no time is left is named under `left_out`, and takes none down."""
    begun = time.monotonic()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    base = Recipe(
        dataset=dataset,
        train_size=256 if small else GPU_TRAIN_SIZE,
        batch_size=32 if small else 128,
        learning_rate=0.05,
        max_epochs=3 if small else 100,
    )
    report: dict[str, Any] = {
        "device": torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads",
        "torch": torch.__version__,
        "peaks": {p: peak_flops(device, p, 1024 if device.type == "cpu" else 8192) for p in PRECISIONS},
        "cases": {},
        "left_out": [],
    }

    def section(name: str, share: float, work: Any) -> Any:
        """Do a part of the report unless `share` of the time is gone."""
        if time.monotonic() - begun > 60 * minutes * share:
            report["left_out"].append(f"{name}: the time was up.")
            return None
        log.info(name)
        try:
            return work()
        except Exception as error:  # noqa: BLE001  what was measured before is still written
            report["left_out"].append(f"{name}: {type(error).__name__}: {error}")
            log.info(traceback.format_exc())
            return None

    seconds = 60 * minutes
    for name in SMALL_SHAPES if small else SHAPES:
        bench = Bench(
            device=device,
            networks=4 if small else 64,
            rounds=1 if small else 3,
            workers=0 if small else 4,
            data_dir=data_dir,
            until=begun + 0.5 * seconds,
        )
        recipe = base.replace(**SHAPES[name])
        if (case := section(name, 0.6, lambda b=bench, r=recipe: measured(r, b, report["peaks"]))) is not None:
            report["cases"][name] = case
    narrow = base.replace(**SHAPES["nin, 32 channels"], max_epochs=3 if small else 20, target_loss=0.0)
    report["repeated"] = section("repeated", 0.75, lambda: repeated(narrow, device, data_dir, begun + 0.8 * seconds))
    many = [narrow.replace(seed=seed) for seed in range(4 if small else 64)]
    chosen = next((case["choices"]["float32"]["choice"] for case in report["cases"].values()), "loop 1")
    numbers = (1, 2) if small else (1, 2, 4)
    report["processes"] = section(
        "processes", 0.8, lambda: several_processes(many, choice_of(chosen), device, data_dir, numbers)
    )
    report["catalogue"] = section(
        "catalogue",
        0.9,
        lambda: scored(
            dataset, 16 if small else None, device, data_dir, 2.0 if small else 60.0, begun + 0.98 * seconds
        ),
    )
    report["seconds"] = time.monotonic() - begun
    return report


if __name__ == "__main__":
    main()
