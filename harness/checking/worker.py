"""The process in which a submitted measure runs: trials in, numbers out as lines of JSON.

It holds the measure's file and, of each network, what the measure may see. Started as
`python -m harness.checking.worker FILE DESCRIPTOR`; names of trials' files come on standard input.
"""

import json
import os
import random
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import torch

import measures.api
from measures import Measure, Score, Subject
from measures.catalog import from_file
from measures.scoring import score_subject

MEASURE_LIMIT: Final = 10.0  # seconds for one measure of one tiny network, shared passes included


def main() -> None:
    """Answer until standard input ends."""
    plugin, descriptor = Path(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    with os.fdopen(descriptor, "w", encoding="utf-8") as answers:

        def answer(**said: Any) -> None:
            print(json.dumps(said), file=answers, flush=True)

        try:
            found = from_file(plugin)
        except (ValueError, FileNotFoundError) as error:
            answer(refused=str(error))
            return
        answer(measures={name: _described(measure) for name, measure in found.items()})
        for line in sys.stdin:
            answer(**_tried(Path(line.rstrip("\n")), list(found.values())))


def _described(measure: Measure) -> dict[str, Any]:
    return {
        "source": measure.source,
        "family": measure.family,
        "needs": sorted(measure.needs),
        "expected_sign": measure.expected_sign,
        "cost": measure.cost,
        "version": measure.version,
        "doc": measure.compute.__doc__ or "",
    }


def _tried(path: Path, chosen: list[Measure]) -> dict[str, Any]:
    """What the measures say of one trial, how much memory that took, and what each left behind."""
    trial = _loaded(path)
    before = _peak()
    said: dict[str, Any] = {"key": list(trial.key), "scores": {}, "again": {}, "left": {}}
    with _chunk(trial.chunk):
        if not trial.again:
            scores = score_subject(Subject(**trial.parts), chosen, time_limit=MEASURE_LIMIT)
            said["scores"] = {name: _plain(score) for name, score in scores.items()}
        else:
            for measure in chosen:
                for which in ("scores", "again"):
                    subject = Subject(**_loaded(path).parts)
                    start = _state(subject)
                    (score,) = score_subject(subject, [measure], time_limit=MEASURE_LIMIT).values()
                    said[which][measure.name] = _plain(score)
                    end = _state(subject)
                    left = said["left"].setdefault(measure.name, [])
                    left += [what for what in start if start[what] != end[what] and what not in left]
    return said | {"megabytes": (_peak() - before) / 2**20}


def _loaded(path: Path) -> Any:
    return torch.load(path, weights_only=False)  # written by the process that started this one


def _plain(score: Score) -> dict[str, Any]:
    return {"value": score.value, "outcome": score.outcome, "why": score.why, "seconds": score.seconds}


def _state(subject: Subject) -> dict[str, Any]:
    """Everything that a measure must leave as it was, by name, as values that can be compared."""
    modules = list(subject.model.modules())
    return {
        "the weights or buffers": {name: _content(value) for name, value in subject.model.state_dict().items()},
        "the inputs": _content(subject.inputs),
        "the labels": _content(subject.labels),
        "gradients of the parameters": [(p.requires_grad, p.grad is None) for p in subject.model.parameters()],
        "train mode": [module.training for module in modules],
        "hooks": sum(len(module._forward_hooks) + len(module._backward_hooks) for module in modules),  # noqa: SLF001
        "torch's global generator": _content(torch.get_rng_state()),
        "numpy's global generator": str(np.random.get_state()),  # noqa: NPY002  the global one is meant
        "Python's global generator": random.getstate(),
        "torch's default dtype": str(torch.get_default_dtype()),
        "whether torch records gradients": torch.is_grad_enabled(),
    }


def _content(value: torch.Tensor) -> bytes:
    return value.detach().cpu().contiguous().numpy().tobytes()


def _peak() -> float:
    """Bytes that this process has held at most."""
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


@contextmanager
def _chunk(size: int | None) -> Iterator[None]:
    """Forward passes of this many examples."""
    if size is None:
        yield
        return
    batches = cast("Any", Subject.batches)
    before, defaults = measures.api.CHUNK, batches.__defaults__
    measures.api.CHUNK, batches.__defaults__ = size, (None, size)  # type: ignore[misc]  # it is final elsewhere
    try:
        yield
    finally:
        measures.api.CHUNK, batches.__defaults__ = before, defaults  # type: ignore[misc]


if __name__ == "__main__":
    main()
