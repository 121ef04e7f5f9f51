"""Add controls to a ledger: trivial measures with which the others are compared."""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leaderboard.ledger.corruption import trained_on_random_labels
from leaderboard.ledger.metadata import Metadata
from leaderboard.ledger.read import names_of
from leaderboard.ledger.targets import Target, target_of
from leaderboard.statistics.crossfit import CrossFit
from leaderboard.statistics.pairs import Floats
from leaderboard.statistics.undefined import UndefinedError

ORACLE_NOISE: Final = (
    0.01,
    0.02,
    0.05,
)  # standard deviations, in units of the target: Jiang et al. 2020, arXiv:1912.02178
TOGETHER: Final = "all_hp"
ORACLES: Final = {f"noisy_oracle_{scale}": scale for scale in ORACLE_NOISE}


def with_controls(ledger: pd.DataFrame, target: Target, seed: int) -> tuple[pd.DataFrame, dict[str, Metadata]]:
    """Add a column `measure.<name>` for each control that the ledger lacks; also return their metadata by name.

    * `hp.<name>`: each hyperparameter as a measure: numbers as they are, text encoded by `category_code`.
    * `all_hp`: the cross-fitted joint prediction of the target from all of them, see `CrossFit`; where
      there are enough configurations, and not for networks with random labels.
    * `noisy_oracle_<s>`: target + s z with z standard normal.
    * `random_number`: standard normal noise; `constant`: the same number for every network.
    """
    rng = np.random.default_rng([seed, 0x6A9])
    values: dict[str, NDArray[np.float64]] = {}
    sources: dict[str, str] = {}
    goal = target_of(ledger, target)
    for name in names_of(ledger, "hp"):
        column = ledger[name]
        if pd.api.types.is_numeric_dtype(column):
            values[name] = column.to_numpy(dtype=np.float64, na_value=np.nan)
            sources[name] = "the hyperparameter itself"
        else:
            values[name] = category_code(ledger, name, goal, rng)
            sources[name] = "the hyperparameter itself, its values ordered by the mean target in another half"
    prediction = joint_prediction(ledger, np.asarray(goal, dtype=np.float64), seed)
    if prediction is not None:
        values[TOGETHER] = prediction
        sources[TOGETHER] = "the target as all hyperparameters together predict it, cross-fitted"
    for name, scale in ORACLES.items():
        values[name] = goal.to_numpy() + scale * rng.standard_normal(len(ledger))
        sources[name] = (
            f"Jiang et al. 2020, arXiv:1912.02178: the target plus Gaussian noise of standard deviation {scale}"
        )
    values["random_number"] = rng.standard_normal(len(ledger))
    sources["random_number"] = "a standard normal number, drawn for each network"
    values["constant"] = np.ones(len(ledger))
    sources["constant"] = "the number 1"
    added = {name: column for name, column in values.items() if f"measure.{name}" not in ledger}
    columns = pd.DataFrame({f"measure.{name}": column for name, column in added.items()}, index=ledger.index)
    metadata = {name: Metadata(family="control", source=sources[name], expected_sign=1, control=True) for name in added}
    return pd.concat([ledger, columns], axis=1), metadata


def joint_prediction(ledger: pd.DataFrame, goal: Floats, seed: int) -> Floats | None:
    """Predict the target [n] of each network from the hyperparameters of others; None where that cannot be done.

    Networks with random labels, which Psi does not compare, are NaN.
    """
    random = trained_on_random_labels(ledger)
    compared = ~random if not random.all() else np.ones(len(ledger), dtype=np.bool_)
    hyperparameters = ledger.loc[compared, names_of(ledger, "hp")].reset_index(drop=True)
    configuration = hyperparameters.groupby(list(hyperparameters), dropna=False, sort=False).ngroup().to_numpy()
    predicted = np.full(len(ledger), np.nan)
    try:
        fit = CrossFit(hyperparameters, goal[compared], configuration.astype(np.int64), seed)
    except UndefinedError:
        return None
    predicted[compared] = goal[compared] - fit.left
    return predicted


def category_code(
    ledger: pd.DataFrame, name: str, goal: "pd.Series[float]", rng: np.random.Generator
) -> NDArray[np.float64]:
    """Encode the values of a text hyperparameter as numbers [n]: their rank by mean target in the *other* half.

    Text has no order. Ordering the values by the mean target of their networks would leak the target (with one network
    for each value it is the target), and the mean over the other networks of the same value leaks it with the opposite
    sign. So the configurations are split at random into two halves, and each half takes the order of the values from
    the other: (rank + 1/2) / number of values there, and 1/2 for a value that does not occur there.
    """
    text = ledger[name].astype(object).where(ledger[name].notna(), "(missing)").astype(str)
    configuration = ledger.groupby(names_of(ledger, "hp"), dropna=False, sort=False).ngroup().to_numpy()
    half = rng.permutation(int(configuration.max(initial=-1)) + 1)[configuration] % 2
    code = np.full(len(ledger), 0.5)
    for mine in (0, 1):
        ordered = goal[half != mine].groupby(text[half != mine]).mean().dropna().sort_values(kind="stable").index
        place = {value: (rank + 0.5) / len(ordered) for rank, value in enumerate(ordered)}
        code[half == mine] = [place.get(value, 0.5) for value in text[half == mine]]
    return code
