"""Where a measure stands on the check zoo: correlation with the gap, relatives, randomization gate, cost."""

from collections.abc import Mapping
from statistics import median
from typing import Any, Final

import msgspec
import numpy as np
import pandas as pd

from harness.checking.process import Answer
from harness.checking.verdict import Fault
from harness.checking.zoo import CheckZoo
from leaderboard.ranking.rank import rank
from measures import Measure

RELATED: Final = 0.95  # absolute rank correlation from which a measure is told whom it repeats
SHOWN: Final = 5  # relatives
ENOUGH: Final = 12  # networks: half a seed's grid; below, no figure is worth its interval
SAME: Final = 1e-9  # a rank correlation this near to 1 is the same order


def placed(
    name: str,
    measure: Measure,
    answers: Mapping[tuple[str, ...], Answer],
    zoo: CheckZoo,
    versions: Mapping[str, int],
) -> tuple[dict[str, Any], list[Fault], list[str]]:
    """The figures on the check zoo, faults, and remarks that cost nothing.

    Args:
        name: of the measure.
        measure: as it describes itself.
        answers: of the trials on the networks of the zoo.
        zoo: the networks and the catalogue's scores.
        versions: of the catalogue's measures that it is to be compared with.
    """
    values = {key[1]: answer.scores[name].value for key, answer in answers.items()}
    scores = zoo.ledger["run_id"].map(values).astype(float)
    count = int(scores.notna().sum())
    found: dict[str, Any] = {"networks": len(zoo.ledger), "scored": count, "why": ""}
    if count < ENOUGH:
        reasons = [answer.scores[name].why for answer in answers.values()]
        first = (reasons[0].strip().splitlines() or [""])[-1] if reasons else "none was reached in the time"
        found["why"] = f"It scores {count} of {len(zoo.ledger)} networks, too few to be placed: {first}"
        return found, [], [found["why"]]
    if scores.max() == scores.min():
        found["why"] = "It is one number for every network, so it orders none."
        return found, [Fault(found["why"], "Return what differs between networks.")], []
    figures, remarks = _figures(measure, scores, zoo)
    relatives = related(scores, zoo, zoo.fresh(versions))
    found |= figures | {"relatives": relatives, "stale": len(zoo.measures) - len(zoo.fresh(versions))}
    faults = []
    for relative in relatives[:1]:
        sign = "" if relative["spearman"] > 0 else ", the other way round"
        if abs(relative["spearman"]) >= 1 - SAME:
            text = f"It orders {relative['n']} networks exactly as `{relative['name']}` does{sign}: it is that again."
            faults.append(Fault(text, "Submit what orders networks otherwise, or show a zoo on which this does."))
        elif abs(relative["spearman"]) > RELATED:
            remarks.append(
                f"This is `{relative['name']}` again{sign}, or nearly: rank correlation {relative['spearman']:.3f} on "
                f"{relative['n']} networks."
            )
    if count < len(zoo.ledger):
        remarks.append(f"It was placed on {count} of {len(zoo.ledger)} networks: those that it scored in the time.")
    return found, faults, remarks


def cost(name: str, answers: Mapping[tuple[str, ...], Answer]) -> dict[str, float | None]:
    """Seconds a network of the zoo, shared passes included: median and most; and megabytes, at most."""
    scores = [answer.scores[name] for answer in answers.values()]
    seconds = [score.seconds for score in scores if score.outcome == "scored"]
    return {
        "seconds": median(seconds) if seconds else None,
        "most_seconds": max(seconds, default=None),
        "megabytes": max((answer.peak / 2**20 for answer in answers.values()), default=None),
    }


def related(scores: "pd.Series[float]", zoo: CheckZoo, names: list[str]) -> list[dict[str, Any]]:
    """The measures of the catalogue with the largest absolute Spearman correlation, on networks that both score."""
    found = []
    for name in names:
        other = zoo.ledger[f"measure.{name}"]
        both = (scores.notna() & other.notna()).to_numpy()
        one, two = scores[both], other[both]
        if len(one) >= ENOUGH and one.max() > one.min() and two.max() > two.min():
            found.append((name, float(np.corrcoef(one.rank(), two.rank())[0, 1]), len(one)))
    nearest = sorted(found, key=lambda row: (-abs(row[1]), row[0]))[:SHOWN]
    return [{"name": name, "spearman": value, "n": n} for name, value, n in nearest]


def _figures(measure: Measure, scores: "pd.Series[float]", zoo: CheckZoo) -> tuple[dict[str, Any], list[str]]:
    own = [column for column in map(str, zoo.ledger.columns) if not column.startswith("measure.")]
    name = measure.name
    known = {"expected_sign": measure.expected_sign, "family": measure.family, "source": measure.source}
    report = rank(zoo.ledger[own].assign(**{f"measure.{name}": scores}), metadata={name: known})
    entry = report.measures[name]
    sign = measure.expected_sign
    better = [row for row in zoo.measures.values() if row["Psi"] is not None and abs(row["Psi"]) > abs(entry.Psi or 0)]
    figures = {
        "tau_b": entry.tau_b,
        "Psi": entry.Psi,
        "interval": msgspec.to_builtins(entry.interval),
        "place": len(better) + 1,
        "of": sum(row["Psi"] is not None for row in zoo.measures.values()) + 1,
        "gate": msgspec.to_builtins(entry.gate),
        "within": msgspec.to_builtins(entry.within),
    }
    remarks = []
    low, high = entry.interval.Psi or (-1.0, 1.0)
    if high * sign < 0 and low * sign < 0:
        way = "falls" if sign > 0 else "grows"
        remarks.append(f"It {way} with the gap here, against its expected_sign of {sign:+d}; look at the sign again.")
    elif low <= 0 <= high:
        remarks.append("Its Psi cannot be told from zero on these networks; more are needed: gapbench run digits.")
    gate = entry.gate
    if gate is not None and (gate.auc - 0.5) * sign <= 0:
        remarks.append("It does not see random labels: networks that memorized score no worse than those that learnt.")
    return figures, remarks
