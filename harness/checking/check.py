"""`gapbench check`: check the measures of a file within a minute."""

import functools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from inspect import getsourcefile
from pathlib import Path
from typing import Final

from harness.checking.machine_load import describe_load
from harness.checking.place import cost, place
from harness.checking.process import Answer, Runner
from harness.checking.result import CheckResult, Fault, MeasureResult
from harness.checking.seeds import Answers, card_seed_trials, zoo_seed_trials
from harness.checking.trials import Trial, card_trials, contract_trials, zoo_trials
from harness.checking.verdict import architectures, contract_faults, invariances, metadata_faults, missing
from harness.checking.zoo import CheckZoo, check_zoo
from harness.store.measure_metadata import track_of
from measures import Measure
from measures.registry import catalog

TIME_LIMIT: Final = 60.0  # seconds for the whole check, in two processes
RANKING: Final = 5.0  # seconds of it
ENOUGH: Final = 3  # networks on which all measures fail in one way: the others are not tried
UNTRIED: Final = "It trains networks, which is not tried here: gapbench run smoke --retraining --plugin FILE."


def check(
    path: Path, time_limit: float = TIME_LIMIT, zoo_name: str = "digits", data_dir: Path | None = None
) -> CheckResult:
    """Check every measure of a file.

    One sandbox tries the contract while another one scores the check zoo. A file of the catalogue is compared with the
    measures of all other files.

    Args:
        path: a Python file that defines measures, or the competition's `complexity(model, dataset)`.
        time_limit: seconds; a measure with trials that are not reached is not accepted, or not ranked.
        zoo_name: the check zoo.
        data_dir: folder of data sets, for a check zoo whose images are not bundled.

    Raises:
        UnknownCheckZooError, DatasetError: no such check zoo, or no images for it.
        PluginError, MeasureDefinitionError: there is no file, or it does not run, or defines no measure.
    """
    started = time.monotonic()
    until = started + time_limit - RANKING
    zoo, lock = replace(check_zoo(zoo_name), data_dir=data_dir), threading.Lock()
    zoo.require_data()
    with ThreadPoolExecutor(2) as pool:
        contract = pool.submit(_run_trials, path, until, _contract, lock)
        scored = pool.submit(_run_trials, path, until, functools.partial(_zoo, zoo), lock)
        (described, isolation, answers), (_, _, placing) = contract.result(), scored.result()
    others, versions = without_own(path, zoo)
    measures = {}
    for name, measure in described.items():
        standing, faults_of_standing, remarks = place(measure, placing, others, versions)
        faults = [
            *metadata_faults(name, measure, name in versions),
            *contract_faults(name, measure, {**answers, **placing}),
            *faults_of_standing,
        ]
        if (left := missing(answers)) and not fails_always(name, answers):
            faults.append(_out_of_time(left))
        if "refit" in measure.needs:
            remarks.append(UNTRIED)
        if printed := next((answer.printed[name] for answer in answers.values() if name in answer.printed), ""):
            remarks.append(f"It prints, which nobody sees elsewhere: {printed.strip()}")
        measures[name] = MeasureResult(
            source=measure.source,
            family=measure.family,
            needs=sorted(measure.needs),
            track=track_of(measure.needs, weights_only=measure.weights_only),
            expected_sign=measure.expected_sign,
            cost=measure.cost,
            version=measure.version,
            accepted=not faults,
            faults=faults,
            remarks=remarks,
            architectures=architectures(name, answers),
            invariances=invariances(name, answers),
            zoo=standing,
            costs=cost(name, placing),
        )
    return CheckResult(
        file=path.name,
        check_zoo=zoo_name,
        accepted=all(result.accepted for result in measures.values()),
        isolation=isolation,
        seconds=round(time.monotonic() - started, 1),
        measures=measures,
    )


def _out_of_time(left: Sequence[str]) -> Fault:
    what = f"Time ran out before {len(left)} trials of the contract: {', '.join(left)}."
    if busy := describe_load():
        return Fault(f"Not decided: the machine was busy, {busy}. {what}", "Check it again when the machine is idle.")
    return Fault(what, "Make it cheaper, or raise --time-limit.")


def without_own(path: Path, zoo: CheckZoo) -> tuple[CheckZoo, dict[str, int]]:
    """Return the zoo and the catalogue's versions to compare a file with: without the measures of the file itself."""
    mine = {name for name, measure in catalog().items() if _file_of(measure.compute) == path.resolve()}
    return zoo.without(mine), {name: measure.version for name, measure in catalog().items() if name not in mine}


def _contract(answers: Answers) -> Iterator[Trial]:
    yield from contract_trials()
    yield from card_trials()
    yield from card_seed_trials(answers)


def _zoo(zoo: CheckZoo, answers: Answers) -> Iterator[Trial]:
    yield from zoo_trials(zoo)
    yield from zoo_seed_trials(zoo, answers)


def _run_trials(
    path: Path, until: float, trials: Callable[[Answers], Iterator[Trial]], lock: threading.Lock
) -> tuple[dict[str, Measure], str, Answers]:
    """Run trials, of which later ones may depend on the answers to earlier ones."""
    answers: dict[tuple[str, ...], Answer] = {}
    with Runner(path, until) as runner:
        for answer in runner.run(_locked(functools.partial(trials, answers), lock)):
            answers[answer.key] = answer
            if len(answers) >= ENOUGH and all(fails_always(name, answers) for name in runner.measures):
                break
        return runner.measures, runner.isolation, answers


def fails_always(name: str, answers: Answers) -> bool:
    """Return whether a measure failed in one and the same way on all networks that were tried."""
    failures = {answer.scores[name].failure for answer in answers.values()}
    return len(answers) >= ENOUGH and len(failures) == 1 and None not in failures


def _locked(trials: Callable[[], Iterator[Trial]], lock: threading.Lock) -> Iterator[Trial]:
    """Make trials under a lock: networks are initialized from torch's global generator, which both threads share."""
    with lock:
        made = trials()
    while True:
        with lock:
            trial = next(made, None)
        if trial is None:
            return
        yield trial


def _file_of(function: Callable[..., object]) -> Path | None:
    found = getsourcefile(function)
    return None if found is None else Path(found).resolve()
