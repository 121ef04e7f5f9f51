"""`gapbench check`: a verdict on a submitted measure within a minute."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from inspect import getsourcefile
from pathlib import Path
from typing import Any, Final

from harness.checking.place import cost, placed
from harness.checking.process import Answer, Runner
from harness.checking.trials import Trial, card_trials, contract_trials, zoo_trials
from harness.checking.verdict import Fault, architectures, card, contract_faults, metadata_faults, missing
from harness.checking.zoo import CheckZoo, check_zoo
from harness.store.measure_metadata import track_of
from measures import Measure
from measures.registry import catalog

TIME_LIMIT: Final = 60.0  # seconds for the whole verdict, two processes side by side
JUDGING: Final = 5.0  # seconds of it for the ranking
UNTRIED: Final = "It trains networks anew, which is not tried here: gapbench run smoke --retraining --plugin FILE."


def check(path: Path, time_limit: float = TIME_LIMIT) -> dict[str, Any]:
    """The verdict on every measure of a file, as plain values.

    The contract is tried in one sandbox and the check zoo scored in another, side by side. A file that was merged is
    judged as it was before: beside the measures of all other files.

    Args:
        path: a Python file that defines measures, or the competition's `complexity(model, dataset)`.
        time_limit: seconds; what is not reached by then is not accepted, or not placed.

    Raises:
        PluginError, MeasureDefinitionError: there is no file, or it does not run, or defines no measure.
    """
    started = time.monotonic()
    until = started + time_limit - JUDGING
    zoo, lock = check_zoo(), threading.Lock()
    with ThreadPoolExecutor(2) as pool:
        contract = pool.submit(_answers, path, until, _one_by_one(_contract, lock))
        scored = pool.submit(_answers, path, until, _one_by_one(lambda: zoo_trials(zoo), lock))
        (described, isolation, answers), (_, _, placing) = contract.result(), scored.result()
    others, versions = beside(path, zoo)
    measures = {}
    for name, measure in described.items():
        figures, place_faults, remarks = placed(name, measure, placing, others, versions)
        faults = [
            *metadata_faults(name, measure, name in versions),
            *contract_faults(name, measure, answers | placing),
            *place_faults,
        ]
        if left := missing(answers):
            what = f"The time was up before {len(left)} trials of the contract: {', '.join(left)}."
            faults.append(Fault(what, "Make it cheaper, or give it longer: --time-limit."))
        if "refit" in measure.needs:
            remarks.append(UNTRIED)
        measures[name] = {
            "source": measure.source,
            "family": measure.family,
            "needs": sorted(measure.needs),
            "track": track_of(measure.needs, weights_only=measure.weights_only),
            "expected_sign": measure.expected_sign,
            "cost": measure.cost,
            "version": measure.version,
            "accepted": not faults,
            "faults": [asdict(fault) for fault in faults],
            "remarks": remarks,
            "architectures": architectures(name, answers),
            "invariances": card(name, answers),
            "zoo": figures,
            "costs": cost(name, placing),
        }
    return {
        "file": path.name,
        "accepted": all(entry["accepted"] for entry in measures.values()),
        "isolation": isolation,
        "seconds": round(time.monotonic() - started, 1),
        "measures": measures,
    }


def beside(path: Path, zoo: CheckZoo) -> tuple[CheckZoo, dict[str, int]]:
    """What the measures of a file are compared with: the zoo and the catalogue's versions, without their own."""
    mine = {name for name, measure in catalog().items() if _file_of(measure.compute) == path.resolve()}
    return zoo.without(mine), {name: measure.version for name, measure in catalog().items() if name not in mine}


def _contract() -> Iterator[Trial]:
    yield from contract_trials()
    yield from card_trials()


def _answers(
    path: Path, until: float, trials: Iterable[Trial]
) -> tuple[dict[str, Measure], str, dict[tuple[str, ...], Answer]]:
    with Runner(path, until) as runner:
        return runner.measures, runner.isolation, {answer.key: answer for answer in runner.run(trials)}


def _one_by_one(trials: Callable[[], Iterator[Trial]], lock: threading.Lock) -> Iterator[Trial]:
    """Trials made under a lock: networks are initialized from torch's global generator, which both threads share."""
    with lock:
        made = trials()
    while True:
        with lock:
            trial = next(made, None)
        if trial is None:
            return
        yield trial


def _file_of(function: Any) -> Path | None:
    found = getsourcefile(function)
    return None if found is None else Path(found).resolve()
