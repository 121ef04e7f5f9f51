"""Provenance: versions, machine, suite and secret, stored with each network, and its summary for a zoo."""

import json
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

SUITE: Final = "suite"  # keys that not every network has
HELD_OUT: Final = "held_out"
PACKAGES: Final = ("gapbench", "torch", "torchvision", "timm", "numpy", "scipy")

Provenance = Mapping[str, Any]  # JSON


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Facts that the summary takes from one network."""

    provenance: Provenance
    created: str
    seed: int
    seconds: float


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that a number may depend on."""
    return {package: version(package) for package in PACKAGES} | {"python": platform.python_version()}


def provenance(device: str) -> Provenance:
    """Return versions, processor and threads: what a number may depend on besides its recipe."""
    import torch

    return {
        "versions": versions(),
        "device": torch.cuda.get_device_name() if device.startswith("cuda") else f"cpu {platform.machine()}",
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
    }


def suites_of(provenances: Iterable[Provenance], folder_name: str) -> str:
    """Return the suites that networks were trained for; the folder's name where that is not recorded."""
    return ", ".join(sorted({provenance.get(SUITE, folder_name) for provenance in provenances}))


def summarize(runs: Iterable[RunFacts], folder_name: str, scoring_seconds: float) -> Provenance:
    """Return the provenance of a zoo: dates, seeds, machines and seconds of all its networks."""
    facts = list(runs)
    machines = [{key: value for key, value in run.provenance.items() if key not in (SUITE, HELD_OUT)} for run in facts]
    secrets = [run.provenance[HELD_OUT] for run in facts if HELD_OUT in run.provenance]
    different = sorted({json.dumps(machine, sort_keys=True) for machine in machines})
    return {
        "suite": suites_of((run.provenance for run in facts), folder_name),
        **({"held out": secrets[0]} if secrets else {}),  # a zoo has one secret
        "date": max((run.created for run in facts), default="")[:10],
        "networks": len(facts),
        "seeds": ", ".join(str(seed) for seed in sorted({run.seed for run in facts})),
        "training seconds": round(sum(run.seconds for run in facts), 1),
        "scoring seconds, were each measure computed alone": round(scoring_seconds, 1),
        "ranked by": versions(),
        **{f"machine {number}": json.loads(machine) for number, machine in enumerate(different, 1)},
    }
