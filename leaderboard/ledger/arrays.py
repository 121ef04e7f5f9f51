"""Arrays of a ledger's networks: hyperparameters, levels, configurations, targets and scores."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leaderboard.ledger.read import names_of
from leaderboard.ledger.targets import Target, accuracy_of, is_share, size_of, target_of
from leaderboard.statistics.bins import Levels, levels_of
from leaderboard.statistics.pairs import Floats, Ints, joint


@dataclass(frozen=True, kw_only=True)
class Networks:
    """The data of n networks that the statistics use.

    Attributes:
        hyperparameters: as in the ledger, one column each.
        levels: the level [n] of each hyperparameter, values or bins.
        configuration: of each network [n], 0 to c - 1, by values (not bins); replicates share one.
        stratum: of each network [n]: code of the hyperparameter within whose values the ledger is ranked.
        target: [n], finite.
        test_size: number of test examples [n]; None if the target is not a share of test examples.
        accuracy: on the test examples [n], NaN where unknown; None if the target is not a share of test examples.
        scores: by name of the measure, [n]; NaN or infinite if there is none.
    """

    hyperparameters: pd.DataFrame
    levels: Mapping[str, Ints]
    configuration: Ints
    stratum: Ints
    target: Floats
    test_size: Floats | None
    accuracy: Floats | None
    scores: Mapping[str, Floats]

    def __len__(self) -> int:
        """Number n of networks."""
        return len(self.target)

    @property
    def size(self) -> int:
        """Number c of configurations."""
        return int(self.configuration.max(initial=-1)) + 1

    def select(self, kept: NDArray[np.bool_]) -> "Networks":
        """Select some of the networks; levels and configurations keep their codes."""
        return Networks(
            hyperparameters=self.hyperparameters.loc[kept].reset_index(drop=True),
            levels={name: code[kept] for name, code in self.levels.items()},
            configuration=self.configuration[kept],
            stratum=self.stratum[kept],
            target=self.target[kept],
            test_size=None if self.test_size is None else self.test_size[kept],
            accuracy=None if self.accuracy is None else self.accuracy[kept],
            scores={name: scores[kept] for name, scores in self.scores.items()},
        )

    def renumber(self) -> "Networks":
        """Renumber the configurations of these networks from 0 to c - 1."""
        configuration = np.unique(self.configuration, return_inverse=True)[1].astype(np.int64)
        return Networks(**{**self.__dict__, "configuration": configuration})


def networks_of(
    runs: pd.DataFrame, target: Target, within: str | None, bins: Mapping[str, int] | None
) -> tuple[Networks, Levels]:
    """Extract the networks of a checked ledger in which each has a target, and the levels of their hyperparameters.

    Args:
        runs: the ledger.
        target: what the measures should predict.
        within: the column of the strata; None for one stratum.
        bins: see `levels_of`.
    """
    names = names_of(runs, "hp")
    hyperparameters = runs[names]
    levels = levels_of(hyperparameters, bins)
    values = [pd.factorize(runs[name], sort=False, use_na_sentinel=False)[0].astype(np.int64) for name in names]
    found = Networks(
        hyperparameters=hyperparameters,
        levels=levels.codes,
        configuration=joint(values, len(runs)),
        stratum=np.zeros(len(runs), dtype=np.int64) if within is None else values[names.index(within)],
        target=_floats(target_of(runs, target)),
        test_size=_floats(size_of(runs, target)) if is_share(target) else None,
        accuracy=_floats(accuracy_of(runs, target)) if is_share(target) else None,
        scores={name: _floats(runs[f"measure.{name}"]) for name in names_of(runs, "measure")},
    )
    return found, levels


def _floats(values: "pd.Series[float]") -> Floats:
    return np.asarray(values, dtype=np.float64)
