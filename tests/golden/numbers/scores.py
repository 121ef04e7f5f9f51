"""Score the stored networks, here or in a process that rounds differently.

python -m tests.golden.numbers.scores THREADS NUDGE      # prints JSON: scores by measure and network
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch

from measures.api import Subject
from measures.registry import catalog
from measures.scoring import score_subject
from tests.golden.numbers.stored import SHAPES, stored_network

Scores = dict[str, dict[str, float | None]]  # by measure and network; None where the measure refuses the network

SLOW_ON: Final = ("mlp", "mixer")  # measures of hundreds of training steps are computed on these alone
NUDGE: Final = 1e-15  # relative change of every weight, a few units in the last place of float64


@dataclass(frozen=True, slots=True)
class Rounding:
    """A way to round: environment, threads, and the seed of a nudge to every weight; 0 for none."""

    environment: dict[str, str] = field(default_factory=dict)
    threads: int = 1
    nudge: int = 0


PLAIN: Final = Rounding()
OTHERS: Final = {
    "kernels of the oldest processors": Rounding(
        {"MKL_CBWR": "COMPATIBLE", "ATEN_CPU_CAPABILITY": "default", "OPENBLAS_CORETYPE": "Prescott"}
    ),
    "two threads": Rounding({"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}, threads=2),
    "weights nudged by rounding": Rounding(nudge=1),
    "weights nudged by rounding, again": Rounding(nudge=2),
}


def scores_of(name: str, data: Path | None, nudge: int = 0) -> dict[str, float | None]:
    """Score one stored network with every measure that has golden numbers for it, in float64.

    Raises:
        DatasetError: `data` does not hold its images.
        RuntimeError: a measure has failed.
    """
    subject = Subject(**_parts(name, data, nudge))
    chosen = [measure for measure in catalog().values() if not measure.slow or name in SLOW_ON]
    found = score_subject(subject, chosen)
    if failed := {measure: score.why for measure, score in found.items() if score.outcome in ("failed", "timeout")}:
        raise RuntimeError(f"Measures must score {name} or refuse it; these failed: {failed}")
    return {measure: score.value for measure, score in found.items()}


def all_scores(nudge: int = 0) -> Scores:
    """Score every stored network; GAPBENCH_DATA names the folder that holds cifar10."""
    found: Scores = {}
    for name in SHAPES:
        for measure, value in scores_of(name, Path(os.environ["GAPBENCH_DATA"]), nudge).items():
            found.setdefault(measure, {})[name] = value
    return found


def scores_in_process(rounding: Rounding) -> Scores:
    """Score every stored network in a new process, since kernels are chosen when torch is loaded."""
    command = [sys.executable, "-m", "tests.golden.numbers.scores", str(rounding.threads), str(rounding.nudge)]
    printed = subprocess.run(
        command, env={**os.environ, **rounding.environment}, stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    found: Scores = json.loads(printed.splitlines()[-1])
    return found


def _parts(name: str, data: Path | None, nudge: int) -> dict[str, Any]:
    parts = stored_network(name, data).parts()
    if nudge:
        generator = torch.Generator().manual_seed(nudge)
        with torch.no_grad():
            for weights in parts["model"].parameters():
                noise = torch.randn(weights.shape, generator=generator, dtype=weights.dtype)
                weights.mul_(1 + NUDGE * noise)
    return parts


if __name__ == "__main__":
    if "GAPBENCH_DATA" not in os.environ:
        sys.exit(
            "Two of the stored networks were trained on CIFAR-10: set GAPBENCH_DATA to the folder that holds cifar10."
        )
    torch.set_num_threads(int(sys.argv[1]))
    sys.stdout.write(json.dumps(all_scores(int(sys.argv[2]))) + "\n")
