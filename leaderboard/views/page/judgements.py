"""What is said of one measure in words: chance, the best hyperparameter, labels, prediction, fragility, price."""

import re
from collections.abc import Mapping
from typing import Any, Final

from leaderboard.views.rows import Figure, plain_name
from leaderboard.views.terminal import labels

SIGNED: Final = re.compile(r"(?<![\w-])-(?=[\d.])")  # the hyphen of a number, not of a name
NEEDS: Final = {  # by what a measure declares, the most demanding first
    "refit": "retraining",
    "trajectory": "trajectory",
    "unlabeled": "unlabeled test inputs",
    "twin": "second run",
}


def track_of(entry: Mapping[str, Any]) -> str:
    """The track in which a measure runs; where the report does not say, what its needs amount to."""
    if entry["control"] and entry["family"] == "control" and not entry.get("track"):
        return ""
    return entry.get("track") or next((t for need, t in NEEDS.items() if need in entry["needs"]), "training data")


def judgements(entry: Mapping[str, Any], measures: int) -> list[tuple[str, str]]:
    """Sentences on a measure by heading; what could not be computed is left out.

    Args:
        entry: of the measure in the report.
        measures: how many the correction is over.
    """
    said = {
        "Against chance": _chance(entry, measures),
        "Against the best hyperparameter": _rival(entry, measures),
        "Label equivalents": _labels(entry),
        "Beyond the hyperparameters": _increment(entry),
        "Gap of a new network": _prediction(entry),
        "Fragility": _fragility(entry),
        "Cost against Ψ": {True: "on the front: nothing is both better and cheaper", False: "not on the front"}.get(
            entry["pareto"], ""
        ),
    }
    return [(heading, _set(sentence)) for heading, sentence in said.items() if sentence]


def _chance(entry: Mapping[str, Any], measures: int) -> str:
    null, told = entry["null"], entry["told_from"]["random"] or {}
    if null is None:
        return ""
    words = f"{told.get('verdict') or 'no verdict'}; p = {_p(null['p'])} of scores changing places within strata"
    if null["p_adjusted"] is not None:
        words += f", {_p(null['p_adjusted'])} over all {measures} measures"
    return words + _needed(told)


def _rival(entry: Mapping[str, Any], measures: int) -> str:
    told = entry["told_from"]["hyperparameter"]
    if told is None:
        return ""
    verdict = told["verdict"] or "no verdict"
    words = f"{verdict}: Ψ is {told['difference']:+z.3f} beside {plain_name(told['name'])}"
    if told["interval"] is not None:
        words += f" ({told['interval'][0]:+z.2f} to {told['interval'][1]:+z.2f})"
    if told["p_adjusted"] is not None:
        words += f", p = {_p(told['p_adjusted'])} over all {measures} measures"
    return words + _needed(told)


def _labels(entry: Mapping[str, Any]) -> str:
    found = entry["label_equivalents"]
    if found is None:
        return ""
    bound = "more than " if found["censored"] else ""
    count = _count(found["examples"])
    words = f"orders the networks like {bound}{count} labelled held-out example{'s' * (count.split()[-1] != '1')}"
    if found["interval"] is not None:
        low, high = (_count(end) for end in found["interval"])
        words += f" ({low} to {high})"
    return words


def _increment(entry: Mapping[str, Any]) -> str:
    found = entry["increment"]
    if found is None:
        return ""
    share = found["delta_mse"]
    return f"takes away {share:.1%} of the squared error" if share >= 0 else f"adds {-share:.1%} to the squared error"


def _prediction(entry: Mapping[str, Any]) -> str:
    found = entry["prediction"]
    if found is None:
        return ""
    words = f"{found['nominal']:.0%} interval of ±{found['half_width']:.3f}"
    if found["half_width_without"] is not None:
        words += f", without the measure ±{found['half_width_without']:.3f}"
    return f"{words}; covers {found['coverage']:.0%}"


def _fragility(entry: Mapping[str, Any]) -> str:
    found = entry["fragility"]
    if found is None:
        return ""
    words = f"{found['configurations']:.0%} of its variance between configurations, {found['seeds']:.0%} between seeds"
    return words + (f", {found['draws']:.0%} between draws" if found["draws"] is not None else "")


def _count(examples: float) -> str:
    return labels(Figure(value=examples)).replace("<", "fewer than")


def _needed(told: Mapping[str, Any]) -> str:
    count = told.get("networks_needed")
    return f"; about {count:,} networks would settle it" if count and told["verdict"] == "not told apart" else ""


def _set(sentence: str) -> str:
    """As it is printed: a minus for the hyphen of a number, a space before %."""
    return SIGNED.sub("\N{MINUS SIGN}", sentence).replace("%", "\N{NO-BREAK SPACE}%")


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else f"{value:.1g}"  # noqa: PLR2004  digits that a reader compares
