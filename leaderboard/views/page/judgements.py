"""Sentences on one measure: chance, hyperparameters, labels, prediction, fragility, noise, cost."""

import re
from typing import Final

from leaderboard.ranking.entry import Beyond, Chance, Entry, Increment, LabelEquivalents, Prediction
from leaderboard.statistics.estimator_noise import LIMIT, ranks_draws
from leaderboard.statistics.fragility import Fragility
from leaderboard.views.rows import Figure
from leaderboard.views.terminal import format_labels, format_noise

SIGNED: Final = re.compile(r"(?<![\w-])-(?=[\d.])")  # the hyphen of a number, not of a name


def judgements(entry: Entry, measures: int) -> list[tuple[str, str]]:
    """Write sentences on a measure by heading; what could not be computed is left out.

    Args:
        entry: of the measure in the report.
        measures: how many the correction is over.
    """
    said = {
        "Against chance": _chance(entry, measures),
        "Beside all hyperparameters": _beyond(entry.told_from.hyperparameters, measures),
        "Label equivalents": _labels(entry.label_equivalents),
        "Prediction beside all hyperparameters": _increment(entry.increment),
        "Gap of a new network": _prediction(entry.prediction),
        "Fragility": _fragility(entry.fragility),
        "Noise of the estimator": _noise(entry.noise),
        "Cost against Ψ": _front(entry.pareto),
    }
    return [(heading, _set(sentence)) for heading, sentence in said.items() if sentence]


def _chance(entry: Entry, measures: int) -> str:
    null, chance = entry.null, entry.told_from.random
    if null is None or chance is None:
        return ""
    words = f"{chance.verdict}; p = {_p(null.p)} for scores permuted within strata"
    if null.p_adjusted is not None:
        words += f", {_p(null.p_adjusted)} over all {measures} measures"
    return words + _needed(chance)


def _beyond(found: Beyond | None, measures: int) -> str:
    if found is None:
        return ""
    words = f"{found.verdict or 'no verdict'}: rank correlation of the residuals {found.rho:+z.3f}, p = {_p(found.p)}"
    if found.p_adjusted is not None:
        words += f", {_p(found.p_adjusted)} over all {measures} measures"
    return words + _needed(found)


def _labels(found: LabelEquivalents | None) -> str:
    if found is None:
        return ""
    bound = "more than " if found.censored else ""
    count = _count(found.examples)
    words = f"orders the networks like {bound}{count} labelled held-out example{'s' * (count.split()[-1] != '1')}"
    if found.interval is not None:
        words += f" ({_count(found.interval.low)} to {_count(found.interval.high)})"
    return words


def _increment(found: Increment | None) -> str:
    if found is None:
        return ""
    share = found.delta_mse
    return f"reduces the squared error by {share:.1%}" if share >= 0 else f"increases the squared error by {-share:.1%}"


def _prediction(found: Prediction | None) -> str:
    if found is None:
        return ""
    return (
        f"{found.nominal:.0%} interval of ±{found.half_width:.3f}, without the measure "
        f"±{found.half_width_without:.3f}; covers {found.coverage:.0%}"
    )


def _fragility(found: Fragility | None) -> str:
    if found is None:
        return ""
    return f"{found.configurations:.0%} of its variance between configurations, {found.seeds:.0%} between seeds"


def _noise(noise: float | None) -> str:
    if noise is None:
        return ""
    if noise == 0:
        return "none: it draws nothing at random"
    words = f"its score spreads {format_noise(noise)} times as much over draws as over networks of one corruption"
    return words + (f"; above {LIMIT} a measure takes no rank" if ranks_draws(noise) else "")


def _front(pareto: bool | None) -> str:
    if pareto is None:
        return ""
    return "on the Pareto front: no measure is both better and cheaper" if pareto else "not on the Pareto front"


def _count(examples: float) -> str:
    return format_labels(Figure(value=examples)).replace("<", "fewer than")


def _needed(told: Chance | Beyond) -> str:
    if told.networks_needed is None or told.verdict != "not told apart":
        return ""
    return f"; about {told.networks_needed:,} networks would settle it"


def _set(sentence: str) -> str:
    """Typeset a sentence: a minus sign for the hyphen of a number, a space before %."""
    return SIGNED.sub("\N{MINUS SIGN}", sentence).replace("%", "\N{NO-BREAK SPACE}%")


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else f"{value:.1g}"  # noqa: PLR2004  digits that a reader compares
