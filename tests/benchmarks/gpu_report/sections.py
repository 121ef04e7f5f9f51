"""The sections of the report, the most important first, and what share of the time each may take."""

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch

from tests.benchmarks.gpu_report import catalogue, suites
from tests.benchmarks.gpu_report.apart import Part, Setting, parts
from tests.benchmarks.gpu_report.convolutions import compared
from tests.benchmarks.gpu_report.device import copied_bytes, peak_flops
from tests.benchmarks.gpu_report.machine import agreeing, repeated, several_processes
from tests.benchmarks.gpu_report.throughput import PRECISIONS, Bench, choice_of, compiled, measured
from zoo.recipe import Recipe
from zoo.suites.registry import suites as all_suites

SHAPES: Final[dict[str, dict[str, Any]]] = {
    "nin, 32 channels": {"model": "nin", "width": 2.0},
    "vit, 2 blocks of 32": {"model": "vit", "width": 2.0, "optimizer": "adamw", "learning_rate": 0.001},
    "nin, 272 channels": {"model": "nin", "width": 17.0},
    "vit, 4 blocks of 64": {"model": "vit", "width": 4.0, "depth": 4, "optimizer": "adamw", "learning_rate": 0.001},
    "nin, 88 channels": {"model": "nin", "width": 5.5},
}
SMALL_SHAPES: Final = ("nin, 32 channels", "vit, 2 blocks of 32")
GPU_TRAIN_SIZE: Final = 5000  # so that the slowest baseline trains a network in seconds


@dataclass(frozen=True, slots=True)
class Section:
    """One section.

    Attributes:
        minutes: of 22, that it may take; what one does not use the next ones share.
        work: does it.
    """

    minutes: float
    work: Callable[[Setting, Part], None]


def device() -> torch.device:
    """A GPU, or the processor where there is none."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _peaks(setting: Setting, part: Part) -> None:
    there = device()
    gpu = there.type == "cuda"
    part.keep(
        device=torch.cuda.get_device_name() if gpu else f"CPU, {torch.get_num_threads()} threads",
        torch=torch.__version__,
        images="CIFAR-10"
        if setting.dataset == "cifar10"
        else "digits enlarged to 32x32, coloured and moved, in place of CIFAR-10, which is not here",
    )
    for precision in PRECISIONS:
        part.keep(**{precision: peak_flops(there, precision, 8192 if gpu else 1024)})
    part.keep(copied=copied_bytes(there, 2**30 if gpu else 2**24))


def _bench(setting: Setting) -> Bench:
    small = setting.small
    peaks: dict[str, float] = {p: parts(setting, ["peaks"]).get("peaks", {}).get(p, math.inf) for p in PRECISIONS}
    return Bench(
        device=device(),
        networks=4 if small else 64,
        rounds=1 if small else 3,
        workers=1 if small else 4,
        data_dir=setting.data_dir,
        peaks=peaks,
    )


def _shape(name: str) -> Callable[[Setting, Part], None]:
    return lambda setting, part: measured(_base(setting).replace(**SHAPES[name]), _bench(setting), part)


def _compiled(setting: Setting, part: Part) -> None:
    rows: dict[str, dict[str, float]] = {}
    for name, case in parts(setting, tuple(SHAPES)).items():
        for precision in reversed(PRECISIONS):
            chosen = case.get("choices", {}).get(precision, {}).get("choice")
            if chosen is None or part.left < 0:
                continue
            bench = _bench(setting)
            recipe = _base(setting).replace(**SHAPES[name])
            rows[f"{name}, {precision}"] = compiled(recipe, bench, choice_of(chosen), precision, part)
            part.keep(milliseconds=rows)


def _base(setting: Setting) -> Recipe:
    small = setting.small
    return Recipe(
        dataset=setting.dataset,
        train_size=256 if small else GPU_TRAIN_SIZE,
        batch_size=32 if small else 128,
        learning_rate=0.05,
        max_epochs=3 if small else 100,
    )


def _narrow(setting: Setting, shape: str = "nin, 32 channels") -> Recipe:
    return _base(setting).replace(**SHAPES[shape], max_epochs=3 if setting.small else 20, target_loss=0.0)


def _repeated(setting: Setting, part: Part) -> None:
    repeated({name: _narrow(setting, name) for name in SMALL_SHAPES}, device(), setting.data_dir, part)


def _processes(setting: Setting, part: Part) -> None:
    case = parts(setting, SMALL_SHAPES[:1]).get(SMALL_SHAPES[0], {})
    chosen = case.get("choices", {}).get("float32", {}).get("choice", "loop 1")
    many = [_narrow(setting).replace(seed=seed) for seed in range(4 if setting.small else 64)]
    numbers = (1, 2) if setting.small else (1, 2, 4)
    several_processes(many, choice_of(chosen), device(), setting.data_dir, numbers, part)


def _convolutions(setting: Setting, part: Part) -> None:
    fleet, batch = (2, 8) if setting.small else (32, 128)
    shapes = ((8, 8),) if setting.small else ((32, 16), (88, 16), (272, 16))
    compared(device(), fleet, batch, shapes, PRECISIONS, part)


def _resnet18(setting: Setting, part: Part) -> None:
    dataset = "cifar10" if setting.dataset == "cifar10" else None
    count = 16 if setting.small else catalogue.ALL
    catalogue.on_a_resnet18(dataset, setting.data_dir, count, device(), 0.2 if setting.small else 30.0, part)


def _ten(setting: Setting, part: Part) -> None:
    limit, number = (0.5, 1) if setting.small else (10.0, len(catalogue.CHOSEN))
    catalogue.beside_the_processor(setting.dataset, setting.data_dir, device(), limit, number, part)


def _suites(setting: Setting, part: Part) -> None:
    names = ("smoke", "truncated_sgd") if setting.small else tuple(all_suites())
    suites.expected(setting.dataset, setting.data_dir, device(), 0.2 if setting.small else 10.0, names, part)


SECTIONS: Final[dict[str, Section]] = {
    "peaks": Section(1.5, _peaks),
    **{name: Section(2.3, _shape(name)) for name in SHAPES},
    "compiled": Section(2.0, _compiled),
    "convolutions": Section(0.4, _convolutions),
    "engines agree": Section(1.2, lambda _, part: agreeing(part)),
    "two runs": Section(0.6, _repeated),
    "processes": Section(1.0, _processes),
    "catalogue": Section(2.3, _resnet18),
    "ten networks": Section(1.8, _ten),
    "suites": Section(2.0, _suites),
}


def sections(setting: Setting) -> Mapping[str, Section]:
    """Those of the report, in order."""
    return {
        name: section
        for name, section in SECTIONS.items()
        if not setting.small or name not in SHAPES or name in SMALL_SHAPES
    }


def do(name: str, setting: Setting, seconds: float) -> None:
    """One section, in this process."""
    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)7.0f ms %(message)s")
    if setting.small:
        torch.set_num_threads(1)  # so little work has no use for more
    part = Part(setting.part(name), time.monotonic() + seconds)
    SECTIONS[name].work(setting, part)
