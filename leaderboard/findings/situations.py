"""Best measures for what a practitioner has, the inputs, and for what may be computed, the budget."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from leaderboard.ranking.entry import Entry
from leaderboard.ranking.report import Report
from leaderboard.ranking.verdicts import ranked_names

Budget = Literal["forward passes", "gradients", "curvature"]

BUDGETS: Final[tuple[Budget, ...]] = get_args(Budget)  # each may do what those before it may
LISTED: Final = 2  # measures of a situation
DATA: Final = "data"
INPUTS: Final = {  # beyond the weights, in the order in which situations are listed
    DATA: "training data",
    "init": "initialization",
    "unlabeled": "unlabeled inputs",
    "twin": "second run",
    "trajectory": "checkpoints",
    "refit": "retraining",
}
WEIGHTS_ONLY: Final = "weights only"  # the track


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Inputs and budget that some measures need exactly, and the best of these.

    Attributes:
        inputs: keys of `INPUTS`; none for the weights alone.
        budget: the most that they compute.
        measures: number of measures.
        names: the best of them, at most `LISTED`.
        pays: whether Psi of the best is larger than that of every measure that asks for no more.
    """

    inputs: frozenset[str]
    budget: Budget
    measures: int
    names: tuple[str, ...]
    pays: bool

    @property
    def words(self) -> str:
        """The inputs in words."""
        known = [words for key, words in INPUTS.items() if key in self.inputs]
        others = sorted(self.inputs - set(INPUTS))
        return ", ".join([*(() if DATA in self.inputs else ["weights"]), *known, *others])


def situations(report: Report, budgets: Mapping[str, Budget]) -> list[Situation]:
    """Sort the measures that take a rank into situations, each into the one that it needs; the least demanding first.

    Args:
        report: the ranking.
        budgets: by name of the measure; those without one are left out.
    """
    members: dict[tuple[frozenset[str], Budget], list[str]] = defaultdict(list)
    for name in ranked_names(report):
        if name in budgets:
            members[_inputs_of(report.measures[name]), budgets[name]].append(name)
    best = {key: report.measures[names[0]].directed_psi or 0.0 for key, names in members.items()}
    found = [
        Situation(
            inputs=inputs,
            budget=budget,
            measures=len(names),
            names=tuple(names[:LISTED]),
            pays=all(best[inputs, budget] > psi for key, psi in best.items() if _asks_less(key, (inputs, budget))),
        )
        for (inputs, budget), names in members.items()
    ]
    return sorted(found, key=_order)


def _inputs_of(entry: Entry) -> frozenset[str]:
    return frozenset(entry.needs) | (frozenset() if entry.track == WEIGHTS_ONLY else {DATA})


def _asks_less(one: tuple[frozenset[str], Budget], other: tuple[frozenset[str], Budget]) -> bool:
    return one != other and one[0] <= other[0] and BUDGETS.index(one[1]) <= BUDGETS.index(other[1])


def _order(situation: Situation) -> tuple[int, list[int], list[str], int]:
    """Few inputs first, then in the order of `INPUTS`, then by budget."""
    known = [place for place, key in enumerate(INPUTS) if key in situation.inputs]
    others = sorted(situation.inputs - set(INPUTS))
    return len(situation.inputs), known, others, BUDGETS.index(situation.budget)
