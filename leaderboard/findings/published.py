"""Published rankings of measures, to compare a zoo's ranking with."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from leaderboard.findings.agreement import Agreement, agreement, families
from leaderboard.ranking.entry import SignErrorsByAxis
from leaderboard.ranking.report import Report

# Dziugaite et al. 2020, arXiv:2010.11924: mean sign error over all environments of their networks on CIFAR-10 and SVHN,
# by the names of this catalogue. A logarithm changes no sign error, so `log_prod_of_fro` stands under `prod_of_fro`.
DZIUGAITE: Final[Mapping[str, float]] = MappingProxyType(
    {
        "pacbayes_orig": 0.0972,
        "pacbayes_flatness": 0.1024,
        "pacbayes_init": 0.1062,
        "path_norm_over_margin": 0.1217,
        "pacbayes_mag_flatness": 0.1261,
        "path_norm": 0.1274,
        "fro_dist": 0.1404,
        "sum_of_fro": 0.1616,
        "param_norm": 0.1788,
        "sum_of_fro_over_margin": 0.1857,
        "prod_of_fro_over_margin": 0.2986,
        "prod_of_fro": 0.3013,
        "sum_of_spec_fft": 0.3034,
        "fro_over_spec_fft": 0.3115,
        "inverse_margin": 0.3296,
        "sum_of_spec_over_margin_fft": 0.3349,
        "dist_spec_init_fft": 0.3746,
        "pacbayes_mag_orig": 0.4071,
        "pacbayes_mag_init": 0.4173,
        "params": 0.4334,
        "spec_orig_main_fft": 0.5506,
        "spec_init_main_fft": 0.5614,
        "prod_of_spec_fft": 0.5965,
        "prod_of_spec_over_margin_fft": 0.6185,
    }
)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A measure that two rankings put far apart.

    Attributes:
        name: of the measure.
        published, here: its mean sign errors.
        published_rank, rank: its ranks by them among the measures that have both.
        worst: the hyperparameter along which it errs most here, with the mean sign error there; None where unknown.
    """

    name: str
    published: float
    here: float
    published_rank: int
    rank: int
    worst: tuple[str, float] | None


@dataclass(frozen=True, slots=True)
class PublishedAgreement:
    """Agreement of a zoo with a published ranking, and the measures that differ most in rank, the farthest first."""

    agreement: Agreement
    apart: tuple[Disagreement, ...]


def compare_published(report: Report, published: Mapping[str, float] = DZIUGAITE) -> PublishedAgreement | None:
    """Compare mean sign errors with published ones; None where too few measures have both."""
    errors = {
        name: entry.sign_error
        for name, entry in report.measures.items()
        if name in published and entry.sign_error is not None
    }
    here = {name: error.mean for name, error in errors.items()}
    both = {name: value for name, value in published.items() if name in here}
    found = agreement(both, here, families(report))
    if found is None:
        return None
    theirs, ours = _ranks(both), _ranks({name: here[name] for name in both})
    apart = [
        Disagreement(name, both[name], here[name], theirs[name], ours[name], _worst(errors[name])) for name in both
    ]
    apart.sort(key=lambda one: (-abs(one.published_rank - one.rank), one.name))
    return PublishedAgreement(found, tuple(apart))


def _worst(errors: SignErrorsByAxis) -> tuple[str, float] | None:
    means = [(name.removeprefix("hp."), error.mean) for name, error in errors.along.items() if error.environments]
    return max(means, key=lambda one: one[1], default=None)


def _ranks(values: Mapping[str, float]) -> dict[str, int]:
    return {name: place for place, name in enumerate(sorted(values, key=lambda name: (values[name], name)), 1)}
