"""Seconds per network for the whole catalogue, measure by measure, on a ResNet-18."""

import time
from pathlib import Path
from typing import Any

import torch

from measures.api import Subject
from measures.catalog import catalog
from measures.scoring import score_subject
from tests.benchmarks.gpu_report.device import waited
from zoo.fleet import load_state
from zoo.recipe import Recipe
from zoo.record import normalised
from zoo.training import data_of, network_of, train

SHOWN = 3  # the most expensive


def scored(
    dataset: str, examples: int | None, device: torch.device, data_dir: Path | None, time_limit: float, until: float
) -> dict[str, Any]:
    """Score a ResNet-18 after one epoch with every measure that needs nothing but data and network.

    A measure that begins a shared pass pays for it in `wall`; `alone` is what it would cost by itself.

    Args:
        dataset: 32x32 images in three channels, or what stands in for them.
        examples: to train and to score on; all of them if None.
        device: where.
        data_dir: folder of data sets.
        time_limit: seconds for one measure.
        until: when the clock says so, no further measure begins.
    """
    recipe = Recipe(
        dataset=dataset, train_size=examples, model="resnet18", max_epochs=1, batch_size=min(32, examples or 32)
    )
    (run,) = train([recipe], device=device, data_dir=data_dir, fleet=1, mode="loop")
    data = data_of(recipe, data_dir)
    network = network_of(recipe, data)
    load_state(network, run.final)
    subject = Subject(
        network.to(device), normalised(data.train_images, data), data.train_labels, init_state=run.initial
    )
    measures: dict[str, dict[str, Any]] = {}
    begun = waited(device)
    chosen = [measure for measure in catalog().values() if not set(measure.needs) - {"init"}]
    for measure in chosen:
        if time.monotonic() > until:
            break
        start = waited(device)
        score = score_subject(subject, [measure], time_limit=time_limit)[measure.name]
        measures[measure.name] = {
            "wall": waited(device) - start,
            "alone": score.seconds,
            "outcome": score.outcome,
            "why": score.why.strip().rpartition("\n")[2][:200],
        }
    return {
        "examples": len(data.train_labels),
        "seconds_a_network": waited(device) - begun,
        "asked": len(chosen),
        "measures": measures,
        "most_expensive": sorted(measures, key=lambda name: measures[name]["alone"], reverse=True)[:SHOWN],
    }
