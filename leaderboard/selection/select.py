"""Selection figures of a ledger: how good the network is that a measure, a family or a baseline picks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
import pandas as pd

from leaderboard.errors import LedgerError
from leaderboard.ledger.arrays import Networks, networks_of
from leaderboard.ledger.controls import TOGETHER, joint_prediction
from leaderboard.ledger.corruption import trained_on_random_labels
from leaderboard.ledger.metadata import metadata_of
from leaderboard.ledger.read import check_ledger
from leaderboard.ledger.targets import Target, target_of
from leaderboard.ranking.families import NO_FAMILY
from leaderboard.ranking.rank import column_of
from leaderboard.statistics.pairs import Floats
from leaderboard.statistics.resampling import draw
from leaderboard.statistics.selection import Draws, Estimate, Pools, estimate
from leaderboard.statistics.spearman import spearman
from leaderboard.statistics.undefined import Reasons, UndefinedError

LABELS: Final = (10, 50, 100, 1000)  # labelled test examples of each network
FEW: Final = 0.1  # of the test examples: the target is then a far better estimate than the labels
DRAWN: Final = 20  # draws of the labelled examples, over which figures are averaged
MOST: Final = 5000  # networks: all pairs of a stratum are held


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Figures of picking by one score.

    Attributes:
        regret: 0 for the best network of each pool, 1 for a random one.
        hits: probability that the pick is among the best of its pool.
        n: number of networks with a score.
        family: of a measure; None for a family itself and for a baseline.
        sign: +1 if the smallest score is picked, -1 if the largest.
        sign_known: whether the measure declares it; else it is that of its correlation with the target.
    """

    regret: Estimate
    hits: Estimate
    n: int
    family: str | None = None
    sign: int = 1
    sign_known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionReport:
    """Figures of a ledger, least regret first.

    Attributes:
        target: of which a small value is good.
        within: the hyperparameter of which all networks of a pool share the value; None for none.
        models, configurations: number of networks, and of configurations, which are resampled.
        pool: networks to pick from.
        top: number of the best that count as a hit.
        bootstrap: number of resamples behind each interval.
        measures: by name.
        families: mean figures of the measures of each.
        baselines: picks without a measure: at random, by training loss, hyperparameters, labelled examples.
        why: reasons for missing measures and baselines.
    """

    target: Target
    within: str | None
    models: int
    configurations: int
    pool: int
    top: int
    bootstrap: int
    measures: Mapping[str, Selection]
    families: Mapping[str, Selection]
    baselines: Mapping[str, Selection]
    why: Mapping[str, str]

    def to_json(self) -> dict[str, object]:
        """Convert to plain dictionaries, lists and numbers."""
        found: dict[str, object] = msgspec.to_builtins(self)
        return found


def select(
    ledger: pd.DataFrame,
    *,
    target: Target = "gap",
    within: str | None = "corruption",
    pool: int = 10,
    top: int = 3,
    bootstrap: int = 1000,
    seed: int = 0,
    metadata: Mapping[str, Mapping[str, object]] | None = None,
    converged_only: bool = True,
) -> SelectionReport:
    """Compute how good the pick is among a few networks; see `leaderboard.statistics.selection.Pools`.

    Args:
        ledger: one row a network.
        target: of which a small value is good.
        within: the hyperparameter, without "hp.", of which all networks of a pool share the value; None for none.
        pool: networks to pick from.
        top: number of the best that count as a hit.
        bootstrap: number of resamples of configurations; 0 for no intervals.
        seed: of resamples, folds and labelled examples.
        metadata: by name of the measure: the fields of `Metadata`.
        converged_only: leave out networks whose training did not converge.

    Raises:
        LedgerError: a ledger that cannot be used, more than `MOST` networks, or nothing to select.
    """
    whole = check_ledger(ledger)
    runs = _kept(whole, target, converged_only=converged_only)
    column, _ = column_of(runs, within)
    networks, _ = networks_of(runs, target, column, None)
    counts = draw(networks.size, bootstrap, np.random.default_rng(seed))
    picks = _Picks(networks, counts, pool, top)
    about = {name: metadata_of(name, (metadata or {}).get(name, {})) for name in networks.scores}
    why = Reasons()
    draws: dict[str, Draws] = {}
    measures: dict[str, Selection] = {}
    for name, one in about.items():
        if one.control:
            continue
        scores = networks.scores[name]
        sign = one.expected_sign or _observed_sign(scores, networks.target)
        found = why.of(name, picks.of, sign * scores)
        if found is not None:
            draws[name] = found
            measures[name] = picks.selection(
                found,
                n=int(np.isfinite(scores).sum()),
                family=one.family,
                sign=sign,
                sign_known=one.expected_sign is not None,
            )
    if not measures:
        raise LedgerError(f"Nothing can be selected: {next(iter(why.values()), 'the ledger has no measures.')}")
    members: dict[str, list[str]] = {}
    for name in measures:
        members.setdefault(about[name].family or NO_FAMILY, []).append(name)
    families = {
        family: picks.selection(_average([draws[name] for name in names]), n=max(measures[name].n for name in names))
        for family, names in members.items()
    }
    return SelectionReport(
        target=target,
        within=None if column is None else column.removeprefix("hp."),
        models=len(networks),
        configurations=networks.size,
        pool=pool,
        top=top,
        bootstrap=bootstrap,
        measures=_least_first(measures),
        families=_least_first(families),
        baselines=_baselines(runs, networks, picks, seed, why),
        why=why,
    )


class _Picks:
    """Figures of scores on the networks that have one; those of one set of networks share their pools."""

    def __init__(self, networks: Networks, counts: Floats, pool: int, top: int) -> None:
        self._networks, self._counts, self._pool, self._top = networks, counts, pool, top
        self._pools: dict[bytes, Pools] = {}

    def of(self, scores: Floats) -> Draws:
        """Compute the figures of scores [n], of which the smallest is picked.

        Raises:
            UndefinedError: too few scores, or nothing to select.
        """
        scored = np.isfinite(scores)
        if scored.sum() < 2:  # noqa: PLR2004  a pair
            raise UndefinedError("It has fewer than two scores.")
        if (key := scored.tobytes()) not in self._pools:
            some = self._networks.select(scored)
            self._pools[key] = Pools(
                some.target, some.stratum, some.configuration, self._counts, size=self._pool, top=self._top
            )
        return self._pools[key].of(scores[scored])

    def selection(
        self, draws: Draws, *, n: int, family: str | None = None, sign: int = 1, sign_known: bool = True
    ) -> Selection:
        """Turn draws into figures with intervals."""
        comparisons = self._networks.size // 2
        return Selection(
            regret=estimate(draws.regret, comparisons),
            hits=estimate(draws.hits, comparisons),
            n=n,
            family=family,
            sign=sign,
            sign_known=sign_known,
        )


def _baselines(runs: pd.DataFrame, networks: Networks, picks: _Picks, seed: int, why: Reasons) -> dict[str, Selection]:
    """Compute the figures of picks without a measure; what the ledger does not allow has its reason in `why`."""
    found: dict[str, Selection] = {}

    def add(name: str, make: Callable[[], Sequence[Floats]]) -> None:
        def figures() -> Selection:
            every = make()
            return picks.selection(_average([picks.of(each) for each in every]), n=int(np.isfinite(every[0]).sum()))

        selection = why.of(name, figures)
        if selection is not None:
            found[name] = selection

    add("random", lambda: [np.zeros(len(networks))])
    add("training loss", lambda: [_training_loss(runs)])
    add("hyperparameters", lambda: [_hyperparameters(runs, networks, seed)])
    for labels in LABELS:
        name = f"{labels} labels"
        rng = np.random.default_rng([seed, 0x1AB, labels])
        add(name, lambda labels=labels, rng=rng: _labelled(networks, labels, rng))  # type: ignore[misc]
    return _least_first(found)


def _training_loss(runs: pd.DataFrame) -> Floats:
    if "train_loss" not in runs:
        raise UndefinedError("The ledger has no column train_loss.")
    return runs["train_loss"].to_numpy(dtype=np.float64)


def _hyperparameters(runs: pd.DataFrame, networks: Networks, seed: int) -> Floats:
    """Take the cross-fitted joint prediction, the control `all_hp`."""
    if f"measure.{TOGETHER}" in runs:
        return runs[f"measure.{TOGETHER}"].to_numpy(dtype=np.float64)
    predicted = joint_prediction(runs, networks.target, seed)
    if predicted is None:
        raise UndefinedError("There are too few configurations to predict the target from the hyperparameters.")
    return predicted


def _labelled(networks: Networks, labels: int, rng: np.random.Generator) -> list[Floats]:
    """Estimate the target from labelled examples, each network's its own: g + p - X / m, X binomial."""
    if networks.accuracy is None or networks.test_size is None:
        raise UndefinedError("Labels give an estimate of an accuracy; this target is a loss.")
    p = networks.accuracy
    if not (np.isfinite(p) & (p >= 0) & (p <= 1)).all():
        raise UndefinedError("It needs the test accuracy of every network, between 0 and 1.")
    if labels > FEW * np.median(networks.test_size):
        raise UndefinedError(f"The target is from too few test examples to judge an estimate from {labels}.")
    known = networks.target + p
    return [np.round(known - rng.binomial(labels, p) / labels, 12) for _ in range(DRAWN)]


def _average(draws: Sequence[Draws]) -> Draws:
    return Draws(
        regret=np.mean([each.regret for each in draws], axis=0), hits=np.mean([each.hits for each in draws], axis=0)
    )


def _least_first(found: Mapping[str, Selection]) -> dict[str, Selection]:
    return dict(sorted(found.items(), key=lambda one: (one[1].regret.value, one[0])))


def _observed_sign(scores: Floats, target: Floats) -> int:
    scored = np.isfinite(scores)
    try:
        return -1 if spearman(scores[scored], target[scored]) < 0 else 1
    except UndefinedError:
        return 1


def _kept(whole: pd.DataFrame, target: Target, *, converged_only: bool) -> pd.DataFrame:
    kept = target_of(whole, target).notna().to_numpy()
    if converged_only and "converged" in whole:
        kept = kept & whole["converged"].to_numpy(dtype=np.bool_)
    random = trained_on_random_labels(whole)
    kept = kept & (~random | random[kept].all())
    if not kept.any():
        raise LedgerError(f"No network that converged has a {target}.")
    if kept.sum() > MOST:
        raise LedgerError(f"At most {MOST:,} networks can be selected from; got {kept.sum():,}. Take a random sample.")
    return whole[kept].reset_index(drop=True)
