"""Standing of a measure on the check zoo: correlation with the gap, relatives, randomization gate, cost."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

import numpy as np
import pandas as pd

from harness.checking.process import Answer
from harness.checking.reasons import last_line
from harness.checking.result import Cost, Fault, Relative, Standing
from harness.checking.seeds import estimator_noise_of
from harness.checking.zoo import CheckZoo
from harness.reports.planning import precision_of_networks
from leaderboard.ranking.entry import Entry
from leaderboard.ranking.rank import rank
from leaderboard.statistics.estimator_noise import LIMIT, ranks_draws
from leaderboard.statistics.undefined import UndefinedError
from measures import Measure

NEAR: Final = 0.95  # absolute rank correlation from which a relative is remarked
NUM_RELATIVES: Final = 5
MIN_NETWORKS: Final = 12  # the intervals of fewer networks say nothing
EQUAL: Final = 1e-9  # a rank correlation this near to 1 is the same order


def place(
    measure: Measure, answers: Mapping[tuple[str, ...], Answer], zoo: CheckZoo, versions: Mapping[str, int]
) -> tuple[Standing, list[Fault], list[str]]:
    """Rank a measure on the check zoo: its figures, its faults, and remarks.

    Args:
        measure: as it describes itself.
        answers: of the trials on the networks of the zoo.
        zoo: the networks and the catalogue's scores.
        versions: of the measures of the catalogue to compare with.
    """
    plain = {key: answer for key, answer in answers.items() if key[0] == "zoo"}
    values = {key[1]: answer.scores[measure.name].value for key, answer in plain.items()}
    scores = zoo.ledger["run_id"].map(values).astype(float)
    networks, scored = len(zoo.ledger), int(scores.notna().sum())
    if scored < MIN_NETWORKS:
        reasons = [last_line(answer.scores[measure.name].why) for answer in plain.values()]
        first = reasons[0] if reasons else "no network was reached in time"
        why = f"It scores {scored} of {networks} networks, too few to rank it: {first}"
        return Standing(networks=networks, scored=scored, why=why), [], [why]
    if scores.max() == scores.min():
        why = "It is one number for every network, so it orders none."
        fault = Fault(why, "Return a number that differs between networks.")
        return Standing(networks=networks, scored=scored, why=why), [fault], []
    entry = _rank(measure, scores, zoo)
    relatives = find_relatives(scores, zoo, zoo.fresh(versions))
    psis = [figures.Psi for figures in zoo.measures.values() if figures.Psi is not None]
    standing = Standing(
        networks=networks,
        scored=scored,
        tau_b=entry.tau_b,
        Psi=entry.Psi,
        interval=entry.interval,
        place=1 + sum(abs(psi) > abs(entry.Psi or 0) for psi in psis),
        of=1 + len(psis),
        gate=entry.gate,
        within=entry.within,
        noise=estimator_noise_of(measure.name, answers, zoo),
        relatives=relatives,
        stale=len(zoo.measures) - len(zoo.fresh(versions)),
        settles=_settles(zoo, values),
    )
    remarks = _remarks(measure.expected_sign, entry)
    if standing.noise is not None and ranks_draws(standing.noise):
        remarks.append(
            f"It ranks draws of its estimator: scores of one network spread {standing.noise:.2f} times as much over "
            f"seeds as over networks of one corruption. Above {LIMIT} it takes no rank; draw more, or use all examples."
        )
    faults = []
    for relative in relatives[:1]:
        reversed_order = "" if relative.spearman > 0 else ", in reverse"
        if abs(relative.spearman) >= 1 - EQUAL:
            text = f"It orders {relative.n} networks exactly as `{relative.name}` does{reversed_order}."
            faults.append(Fault(text, "Submit one that orders networks differently, or show a zoo where it does."))
        elif abs(relative.spearman) > NEAR:
            remarks.append(
                f"It nearly repeats `{relative.name}`{reversed_order}: rank correlation {relative.spearman:.3f} on "
                f"{relative.n} networks."
            )
    if scored < networks:
        which = "have a second seed" if "twin" in measure.needs else "it scored in time"
        remarks.append(f"It was ranked on {scored} of {networks} networks: those that {which}.")
    return standing, faults, remarks


def cost(name: str, answers: Mapping[tuple[str, ...], Answer]) -> Cost:
    """Return what the measure of this name cost on the networks of the zoo."""
    scores = [answer.scores[name] for key, answer in answers.items() if key[0] == "zoo"]
    seconds = [score.seconds for score in scores if score.outcome == "scored"]
    return Cost(
        seconds=median(seconds) if seconds else None,
        most_seconds=max(seconds, default=None),
        megabytes=max((answer.peak / 2**20 for answer in answers.values()), default=None),
    )


def find_relatives(scores: "pd.Series[float]", zoo: CheckZoo, names: Sequence[str]) -> list[Relative]:
    """Find the measures with the largest absolute Spearman correlation, on networks that both score."""
    found = []
    for name in names:
        other = zoo.ledger[f"measure.{name}"]
        both = (scores.notna() & other.notna()).to_numpy()
        one, two = scores[both], other[both]
        if len(one) >= MIN_NETWORKS and one.max() > one.min() and two.max() > two.min():
            found.append(Relative(name, float(np.corrcoef(one.rank(), two.rank())[0, 1]), len(one)))
    return sorted(found, key=lambda relative: (-abs(relative.spearman), relative.name))[:NUM_RELATIVES]


def _rank(measure: Measure, scores: "pd.Series[float]", zoo: CheckZoo) -> Entry:
    others = [column for column in map(str, zoo.ledger.columns) if not column.startswith("measure.")]
    metadata = {"expected_sign": measure.expected_sign, "family": measure.family, "source": measure.source}
    ledger = zoo.ledger[others].assign(**{f"measure.{measure.name}": scores})
    return rank(ledger, metadata={measure.name: metadata}).measures[measure.name]


def _settles(zoo: CheckZoo, values: Mapping[str, float | None]) -> float | None:
    """Compute which difference of Psi the networks with a score can settle; None where they compare nothing."""
    recipes = (run.recipe for name, run in zoo.runs.items() if values.get(name) is not None)
    try:
        return precision_of_networks(recipes).settles()
    except UndefinedError:
        return None


def _remarks(sign: int, entry: Entry) -> list[str]:
    remarks = []
    low, high = entry.interval.Psi or (-1.0, 1.0)
    if high * sign < 0 and low * sign < 0:
        direction = "falls" if sign > 0 else "grows"
        remarks.append(f"It {direction} with the gap here, against its expected_sign of {sign:+d}. Is the sign right?")
    elif low <= 0 <= high:
        remarks.append("Its Psi does not differ from zero on these networks; try more: gapbench run digits.")
    if entry.gate is not None and (entry.gate.auc - 0.5) * sign <= 0:
        remarks.append(
            "It does not detect random labels: networks that memorized score no worse than those that learnt."
        )
    return remarks
