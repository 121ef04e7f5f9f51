"""Claims of Nakkiran et al. 2020 on double descent, and of Chen, Wang & Kyrillidis 2021 on concatenated inputs."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leaderboard.claims.claim import Claim, Evidence, Finding, Range, bootstrap
from leaderboard.claims.effects import PARTIAL, mean_or_nan, where
from leaderboard.claims.figure import Figure, Series, line

SOURCE: Final = "Nakkiran et al. 2020, arXiv:1912.02292"
STUDY: Final = "double_descent"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sweep:
    """Test errors of networks by seed and width [s, w], widths ascending.

    The peak is the width inside the sweep whose error stands highest above that of the best narrower one. The highest
    of several noisy means is biased upwards, so for each seed the peak is chosen on the other seeds and the errors are
    its own; a resample of the bootstrap counts a seed as one however often it was drawn.
    """

    seeds: list[int]
    widths: list[float]
    test: Floats

    @classmethod
    def of(cls, frame: pd.DataFrame) -> "Sweep":
        """Collect the networks of one sweep; a seed that lacks a width is left out."""
        errors = frame.assign(test=1 - frame["test_accuracy"])
        table = errors.pivot_table(index="seed", columns="hp.width", values="test").dropna()
        widths = [float(width) for width in table.columns]
        return cls([int(seed) for seed in table.index], widths, table.to_numpy(dtype=float))

    def peaks(self, seeds: NDArray[np.int64]) -> list[tuple[int, int, int]]:
        """For each drawn seed its row, the index of the peak and that of the best narrower width; none if alone."""
        found = []
        for seed in seeds:
            others = seeds[seeds != seed]
            if len(others) and len(self.widths) > 2:  # noqa: PLR2004  inside are those between the two ends
                mean = self.test[others].mean(0)
                best = np.minimum.accumulate(mean)[:-2]
                peak = int((mean[1:-1] - best).argmax()) + 1
                found.append((int(seed), peak, int(mean[:peak].argmin())))
        return found

    def descent(self, seeds: NDArray[np.int64]) -> float:
        """Compute the test error at the peak minus that of the widest network."""
        return mean_or_nan([self.test[seed, peak] - self.test[seed, -1] for seed, peak, _ in self.peaks(seeds)])

    def rise(self, seeds: NDArray[np.int64]) -> float:
        """Compute the test error at the peak minus that of the best narrower network."""
        return mean_or_nan([self.test[seed, peak] - self.test[seed, low] for seed, peak, low in self.peaks(seeds)])


def _noisy(evidence: Evidence) -> pd.DataFrame:
    """Select the networks with the most label noise."""
    names = [name for name in evidence.ledger["hp.corruption"].unique() if name.startswith(PARTIAL)]
    most = max(names, key=lambda name: float(name.removeprefix(PARTIAL)))
    return where(evidence.ledger, corruption=most)


def _main(frame: pd.DataFrame) -> pd.DataFrame:
    """Select the sweep of single images at the largest train size."""
    single = where(frame, pairs=0)
    if single["hp.train_size"].isna().any():
        return where(single, train_size=None)
    return where(single, train_size=single["hp.train_size"].max())


def _seeds(sweeps: list[Sweep]) -> pd.DataFrame:
    """One row for each seed that all sweeps share, with its row in each sweep."""
    shared = set.intersection(*(set(sweep.seeds) for sweep in sweeps))
    rows = [[seed, *(sweep.seeds.index(seed) for sweep in sweeps)] for seed in sorted(shared)]
    return pd.DataFrame(rows, columns=["seed", *range(len(sweeps))])


def _second_descent(evidence: Evidence) -> Finding:
    frame = _main(_noisy(evidence))
    sweep = Sweep.of(frame)
    found = bootstrap(_seeds([sweep]), lambda rows: sweep.descent(rows[0].to_numpy()), by=["seed"])
    return replace(found, networks=len(frame))


def _first_ascent(evidence: Evidence) -> Finding:
    frame = _main(_noisy(evidence))
    sweep = Sweep.of(frame)
    found = bootstrap(_seeds([sweep]), lambda rows: sweep.rise(rows[0].to_numpy()), by=["seed"])
    return replace(found, networks=len(frame))


def _compared(first: pd.DataFrame, second: pd.DataFrame) -> Finding:
    """Compare the second descent of one sweep with that of another."""
    a, b = Sweep.of(first), Sweep.of(second)

    def difference(rows: pd.DataFrame) -> float:
        return a.descent(rows[0].to_numpy()) - b.descent(rows[1].to_numpy())

    return replace(bootstrap(_seeds([a, b]), difference, by=["seed"]), networks=len(first) + len(second))


def _by_noise(evidence: Evidence) -> Finding:
    return _compared(_main(_noisy(evidence)), _main(where(evidence.ledger, corruption="true_labels")))


def _by_pairs(evidence: Evidence) -> Finding:
    noisy = _noisy(evidence)
    return _compared(noisy[noisy["hp.pairs"] > 0], _main(noisy))


def _by_size(evidence: Evidence) -> Finding:
    """At the peak of the larger sample, compare its test error with that on the smaller sample."""
    noisy = where(_noisy(evidence), pairs=0)
    larger = _main(noisy)
    fewer = noisy.drop(larger.index)
    a, b = Sweep.of(larger), Sweep.of(where(fewer, train_size=fewer["hp.train_size"].max()))
    if a.widths != b.widths:
        shared = sorted(set(a.widths) & set(b.widths))
        a, b = (Sweep.of(frame[frame["hp.width"].isin(shared)]) for frame in (larger, fewer))

    def harm(rows: pd.DataFrame) -> float:
        smaller = dict(zip(rows[0], rows[1], strict=True))
        return mean_or_nan([a.test[i, peak] - b.test[smaller[i], peak] for i, peak, _ in a.peaks(rows[0].to_numpy())])

    return replace(bootstrap(_seeds([a, b]), harm, by=["seed"]), networks=len(noisy))


def _by_epochs(evidence: Evidence) -> Finding:
    """Compute the height of the epoch-wise second descent of the widest network under label noise.

    At the checkpoint at which the test error peaks, this is the smaller of its rise before and its fall until the end
    of training, whose error is that of the ledger: checkpoints at 1, 2, 4, ... epochs mostly end before.
    """
    frame = _main(_noisy(evidence))
    widest = where(frame, width=frame["hp.width"].max())
    rows = []
    for seed, run, accuracy in zip(widest["seed"], widest["run_id"], widest["test_accuracy"], strict=True):
        curve = evidence.curves[evidence.curves["run_id"] == run].sort_values("epoch")
        error = 1 - np.append(curve["test_accuracy"].to_numpy(dtype=float), accuracy)
        bumps = [min(error[i] - error[:i].min(), error[i] - error[-1]) for i in range(1, len(error) - 1)]
        rows.append((seed, max([0.0, *bumps])))
    table = pd.DataFrame(rows, columns=["seed", "bump"])
    return bootstrap(table, lambda drawn: float(drawn["bump"].to_numpy().mean()), by=["seed"])


def _series(evidence: Evidence) -> list[Series]:
    ledger = evidence.ledger.assign(
        units=64 * evidence.ledger["hp.width"], error=1 - evidence.ledger["test_accuracy"]
    )  # 64 units at width 1
    single = _main(ledger)
    found = [
        line(str(name).replace("_", " "), rows, "units", "error") for name, rows in single.groupby("hp.corruption")
    ]
    noisy = _noisy(Evidence(ledger, evidence.curves, evidence.arrays))
    fewer = where(noisy, pairs=0).drop(_main(noisy).index)
    return [
        *found,
        line("half the examples", fewer, "units", "error"),
        line("pairs", noisy[noisy["hp.pairs"] > 0], "units", "error"),
    ]


FIGURE: Final = Figure(x="hidden units", y="test error", series=_series, log=True)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="wider_is_better_past_the_threshold",
        statement="Beyond the peak at which noisy labels are just fitted, wider networks have a smaller test error.",
        source=f"{SOURCE}, sec. 5",
        published="beyond interpolation larger models are better",
        unit="test error, peak minus widest",
        holds=Range(low=0),
        test=_second_descent,
    ),
    Claim(
        study=STUDY,
        name="test_error_peaks_at_the_threshold",
        statement="At the peak the test error is higher than at some narrower width.",
        source=f"{SOURCE}, sec. 5",
        published="performance first gets worse and then gets better",
        unit="test error, peak minus best narrower",
        holds=Range(low=0.01),  # a point: the minimum of several noisy means is biased
        test=_first_ascent,
    ),
    Claim(
        study=STUDY,
        name="noise_makes_the_peak",
        statement="The second descent is deeper with noisy labels than with true ones.",
        source=f"{SOURCE}, sec. 5",
        published="label noise makes the peak more pronounced",
        unit="test error",
        holds=Range(low=0),
        test=_by_noise,
    ),
    Claim(
        study=STUDY,
        name="more_data_can_hurt",
        statement="A network that just fits a sample does worse than the same network trained on half of it.",
        source=f"{SOURCE}, sec. 7",
        published="for a range of widths, more samples give a higher test error",
        unit="test error, all data minus half",
        holds=Range(low=0),
        test=_by_size,
    ),
    Claim(
        study=STUDY,
        name="longer_training_descends_again",
        statement="The test error of a wide network falls, rises and falls again during training.",
        source=f"{SOURCE}, sec. 6",
        published="epoch-wise double descent of large networks under label noise",
        unit="test error, height of the peak over both sides",
        holds=Range(low=0.01),  # a point: the maximum of several noisy errors is biased
        test=_by_epochs,
    ),
    Claim(
        study=STUDY,
        name="pairs_soften_the_descent",
        statement="On concatenated pairs of images the descent after the threshold is smaller.",
        source="Chen, Wang & Kyrillidis 2021, arXiv:2107.00797",
        published="concatenation mitigates double descent",
        unit="test error",
        holds=Range(high=0),
        test=_by_pairs,
    ),
)
