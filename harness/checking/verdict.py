"""Faults of a measure against the contract, and how to mend each of them."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from harness.checking.changes import CHANGES
from harness.checking.machine_load import describe_load
from harness.checking.networks import ARCHITECTURES
from harness.checking.process import Answer
from harness.checking.reasons import last_line
from harness.checking.result import ArchitectureScore, Fault, Invariance
from harness.checking.seeds import Answers, key_before, spread_between_seeds
from harness.checking.trials import KINDS
from measures import Measure, Score
from measures.scores import Failure

EQUAL: Final = 1e-6  # relative: effect of the order of summation in float64
SINGLE: Final = 1e-3  # relative: effect of float32
ZERO: Final = 1e-9  # absolute: two numbers this near are equal
MIN_REASON: Final = 20  # characters; a shorter reason is none

MENDS: Final = {  # by the beginning of the name of what was changed
    "inputs": "Copy before writing: subject.inputs.clone().",
    "labels": "Copy before writing: subject.labels.clone().",
    "gradients": "Differentiate subject.forward with torch.func.grad, which leaves nothing behind.",
    "training": "Leave subject.model in eval mode.",
    "hooks": "Remove each hook in a finally clause, or use measures.passes.activations.bottlenecks.",
    "random": "Draw from subject.generator(\"a name\") and from no global generator, torch's, numpy's or Python's.",
}
COPY: Final = "Compute with subject.forward(params, inputs) on copies; never write into the network."
NO_FILES: Final = (
    "A measure runs where it can write no file and read none but installed packages: keep constants in the code."
)
NAMED: Final = 3  # networks that a fault names; more are counted
VARIANTS: Final = {
    "order": (
        EQUAL,
        "depends on the order of the examples",
        "A training set is a set: choose examples with subject.sample(count), and pair none by their place.",
    ),
    "batch size": (
        EQUAL,
        "depends on the size of the batches",
        "Add up over subject.batches() and divide once by the number of examples.",
    ),
    "float32": (
        SINGLE,
        "differs between float32 and float64",
        "Add up in float64 (.double()), take logarithms before products, and compare no differences with zero.",
    ),
}


def metadata_faults(name: str, measure: Measure, taken: bool) -> list[Fault]:
    """Find faults of the metadata; `taken` is whether another measure has the name."""
    faults = []
    if taken:
        faults.append(
            Fault(f"The catalogue has a measure called {name!r}.", "Rename the function, after the name in the paper.")
        )
    if not measure.cost.strip():
        faults.append(
            Fault("It does not say its cost.", 'Add cost="...": "weights only", "1 forward pass", "24 products".')
        )
    if not re.search(r"\d{4}|\bnone\b", measure.source):
        faults.append(
            Fault(
                f"The source {measure.source!r} names no year.",
                'Write it as "Jiang et al. 2020, arXiv:1912.02178, eq. 40", or as "none: ..." with its origin.',
            )
        )
    if not re.search(r"math::|=|\bnumber of\b|[Ss]um|[Mm]ean", measure.compute.__doc__ or ""):
        faults.append(
            Fault(
                "The docstring has no formula.",
                "Add it, as `.. math::` with every logarithm, root and normalisation, and the unit.",
            )
        )
    return faults


def contract_faults(name: str, measure: Measure, answers: Answers) -> list[Fault]:
    """Find faults against the contract, each kind once with the networks that show it."""
    found: dict[tuple[str, str], list[str]] = {}

    def note(what: str, mend: str, where: str) -> None:
        found.setdefault((what, mend), []).append(where)

    for key, answer in answers.items():
        where = "a network of the check zoo" if key[0].startswith("zoo") else " ".join(key[1:])
        for what, mend in (*_failures(answer.scores[name]), *_side_effects(name, answer)):
            note(what, mend, where)
    for architecture in KINDS:
        plain = answers.get(("contract", architecture, "plain"))
        for variant, (bound, what, mend) in VARIANTS.items():
            other = answers.get(("contract", architecture, variant))
            if plain is not None and other is not None and not _agree(plain.scores[name], other.scores[name], bound):
                note(f"It {what}{_values_of(plain.scores[name], other.scores[name])}.", mend, architecture)
    plain = answers.get(("contract", "mlp", "plain"))
    if plain is not None and plain.scores[name].outcome == "unsupported" and "refit" not in measure.needs:
        why = f"It refuses a plain ReLU network: {plain.scores[name].why}"
        note(why, "Every measure should be defined for a multilayer perceptron.", "mlp")
    return [Fault(f"{what} ({_name_some(where)})", mend) for (what, mend), where in found.items()]


def _name_some(where: Iterable[str]) -> str:
    """Name the first networks, and say how many more there are."""
    names = list(dict.fromkeys(where))
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def missing(answers: Answers) -> list[str]:
    """Return the trials of the contract that were not reached."""
    wanted = [("contract", name, "plain") for name in ARCHITECTURES]
    wanted += [("contract", name, variant) for name in KINDS for variant in VARIANTS]
    return [" ".join(key[1:]) for key in wanted if key not in answers]


def architectures(name: str, answers: Answers) -> dict[str, ArchitectureScore]:
    """Return the score of each family of networks by name."""
    found = {}
    for architecture in ARCHITECTURES:
        answer = answers.get(("contract", architecture, "plain"))
        if answer is None:
            found[architecture] = ArchitectureScore("timeout", None, "It was not reached.")
        else:
            score = answer.scores[name]
            found[architecture] = ArchitectureScore(score.outcome, score.value, score.why)
    return found


def invariances(name: str, answers: Answers) -> dict[str, Invariance]:
    """Return the effect of each change by name."""
    found = {}
    for change, (words, before, _) in CHANGES.items():
        start = before().name
        keys = key_before(start), ("card", change, "after")
        one, other = (answers[key].scores[name].value if key in answers else None for key in keys)
        if one is None or other is None:
            found[change] = Invariance(words, None, None)
        else:
            difference, noise = _difference(one, other), spread_between_seeds(name, answers, start)
            found[change] = Invariance(words, difference < max(EQUAL, noise), difference, noise)
    return found


def _failures(score: Score) -> Iterator[tuple[str, str]]:
    """Find faults of one score."""
    failure = score.failure or Failure("error", last_line(score.why))
    if score.outcome == "timeout":
        what = "It took longer than 10 s on a network of a few thousand parameters."
        mend = "Bound the cost: subject.sample(count) with a constant, and its reason, at the top of the file."
        if busy := describe_load():
            what, mend = f"Not decided: the machine was busy, {busy}. {what}", f"Check it again on an idle one. {mend}"
        yield what, mend
    elif score.outcome == "unsupported" and len(score.why) <= MIN_REASON:
        yield "It refuses without a reason.", "Say in UnsupportedModelError(...) what is undefined, and why."
    elif score.outcome != "failed" or failure.kind == "changed inputs":
        return  # `_side_effects` names each change
    elif failure.kind == "not finite":
        yield failure.message, "Raise UnsupportedModelError with the reason where it is undefined; never return NaN."
    elif failure.kind == "not a number":
        yield failure.message, "Return a float, or a tensor of one element."
    elif failure.kind == "undeclared need":
        yield "It uses an undeclared input.", failure.message
    else:
        where = "" if failure.line is None else f" in line {failure.line}"
        mend = "Mend the error; where the measure is undefined, raise UnsupportedModelError and say why."
        yield f"It fails{where}: {failure.message}", NO_FILES if failure.kind == "file" else mend


def _side_effects(name: str, answer: Answer) -> Iterator[tuple[str, str]]:
    """Find state that the measure changed, and a second score that differs."""
    for what in answer.touched.get(name, ()):
        mend = next((mend for start, mend in MENDS.items() if what.startswith(start)), COPY)
        yield f"It changes {what.split('.')[0]}.", mend
    first, second = answer.scores[name], answer.again.get(name)
    if second is not None and first.value != second.value:
        yield f"It does not repeat: {first.value}, then {second.value}.", MENDS["random"]


def _agree(one: Score, other: Score, bound: float) -> bool:
    """Return whether outcomes are the same and values nearly so; failures are faults by themselves."""
    if {one.outcome, other.outcome} & {"failed", "timeout"}:
        return True
    if one.value is None or other.value is None:
        return one.outcome == other.outcome
    return abs(one.value - other.value) <= ZERO or _difference(one.value, other.value) <= bound


def _values_of(one: Score, other: Score) -> str:
    return "" if one.value is None or other.value is None else f": {one.value:.6g} and {other.value:.6g}"


def _difference(a: float, b: float) -> float:
    return abs(a - b) / max(abs(a), abs(b), 1e-12)
