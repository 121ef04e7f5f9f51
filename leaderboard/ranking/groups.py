"""Group the measures that have scores for the same networks, and evaluate each group."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leaderboard.ledger.arrays import Networks
from leaderboard.ranking.report import Seeds
from leaderboard.ranking.statistics_of import Judged, Panel
from leaderboard.statistics.pairs import Floats
from leaderboard.statistics.resampling import draw
from leaderboard.statistics.sign_error import Enough, Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of a ranking; see `leaderboard.ranking.rank.rank`.

    Attributes:
        apart: the hyperparameters whose psi is no part of Psi, such as that of the strata.
    """

    bootstrap: int
    permutations: int
    seed: int
    seeds: Seeds
    weights: Weights
    enough: Enough = "share"
    apart: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Measures that have scores for the same networks.

    Attributes:
        names: of the measures.
        scored: the networks that they have in common [n].
        present: their configurations among all [c].
        panel: evaluates measures on these networks.
    """

    names: Sequence[str]
    scored: NDArray[np.bool_]
    present: NDArray[np.bool_]
    panel: Panel


def groups(networks: Networks, options: Options, counts: Floats) -> Iterator[Group]:
    """Yield the groups of measures one at a time, since the panel of many networks is large.

    Args:
        networks: all of them.
        options: of the ranking.
        counts: how often each configuration is drawn, [bootstrap, c]; the same resamples serve every measure, so that
            any two can be compared.
    """
    by_mask: dict[bytes, tuple[NDArray[np.bool_], list[str]]] = {}
    for name, scores in networks.scores.items():
        scored = np.isfinite(scores)
        by_mask.setdefault(scored.tobytes(), (scored, []))[1].append(name)
    for scored, names in by_mask.values():
        present = np.bincount(networks.configuration[scored], minlength=networks.size) > 0
        part = networks.select(scored).renumber()
        panel = Panel(
            part,
            counts[:, present],
            seeds=options.seeds,
            weights=options.weights,
            enough=options.enough,
            seed=options.seed,
            apart=options.apart,
        )
        yield Group(names, scored, present, panel)


def resamples(networks: Networks, options: Options) -> Floats:
    """Draw the resamples: how often each configuration occurs in each, [bootstrap, c]."""
    return draw(networks.size, options.bootstrap, np.random.default_rng(options.seed))


def judge_alone(networks: Networks, options: Options) -> dict[str, Judged]:
    """Evaluate every measure on some of a ledger's networks, without tests and comparisons."""
    networks = networks.renumber()
    found: dict[str, Judged] = {}
    for group in groups(networks, options, resamples(networks, options)):
        found |= group.panel.judge(group.names)[0]
    return {name: found[name] for name in networks.scores}
