"""Evaluate every measure on all networks of a ledger and build its entry of the report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from leaderboard.ledger.arrays import Networks
from leaderboard.ledger.metadata import Metadata
from leaderboard.ranking.entry import Cost, Entry, Gate, StratumMean, direction_of
from leaderboard.ranking.groups import Options, groups, resamples
from leaderboard.ranking.oracles import average_oracles
from leaderboard.ranking.pairwise import Pairwise
from leaderboard.ranking.readable_units import Readable, Units, find_front
from leaderboard.ranking.report import Comparisons
from leaderboard.ranking.significance import Significance, Verdicts
from leaderboard.ranking.statistics_of import Judged
from leaderboard.statistics.estimator_noise import ranks_draws


@dataclass(frozen=True, slots=True)
class Together:
    """Results of every measure on all networks."""

    judged: Mapping[str, Judged]
    significance: Mapping[str, Significance]
    readable: Mapping[str, Readable]
    comparisons: Comparisons

    def reasons(self, name: str, about: Metadata) -> dict[str, str]:
        """Collect the reasons for the statistics that a measure lacks."""
        significance = self.significance[name]
        parts = (self.judged[name].statistics.why, significance.why, self.readable[name].why)
        found = {key: reason for part in parts for key, reason in part.items()}
        if about.control:
            tests = {"null": significance.null, "told_from.hyperparameters": significance.told_from.hyperparameters}
            found |= {f"{key}.p_adjusted": "It is a control." for key, test in tests.items() if test is not None}
        return found

    def entry(
        self,
        name: str,
        about: Metadata,
        *,
        within: StratumMean | None,
        across: StratumMean | None,
        gate: Gate | None,
        cost: Cost,
        outcomes: Mapping[str, int],
        why: Mapping[str, str],
    ) -> Entry:
        """Build the entry of a measure; the Pareto front is added by `with_front`."""
        statistics, significance, readable = self.judged[name].statistics, self.significance[name], self.readable[name]
        return Entry(
            n=statistics.n,
            tau_a=statistics.tau_a,
            tau_b=statistics.tau_b,
            spearman=statistics.spearman,
            partial_spearman=statistics.partial_spearman,
            sign_error=statistics.sign_error,
            cmi=statistics.cmi,
            cmi_given=statistics.cmi_given,
            pgdl=statistics.pgdl,
            pgdl_given=statistics.pgdl_given,
            Psi=statistics.Psi,
            psi=statistics.psi,
            interval=statistics.interval,
            null=significance.null,
            told_from=significance.told_from,
            residual_spearman=readable.residual_spearman,
            increment=readable.increment,
            interval_given=readable.interval_given,
            prediction=readable.prediction,
            fragility=readable.fragility,
            label_equivalents=readable.label_equivalents,
            within=within,
            across=across,
            gate=gate,
            cost=cost,
            outcomes=outcomes,
            why=why,
            about=about,
            pareto=None,
        )


def judge_together(
    networks: Networks,
    column: str | None,
    options: Options,
    about: Mapping[str, Metadata],
    family: Sequence[str],
) -> Together:
    """Evaluate every measure on all networks, and test it against chance, the hyperparameters and each other."""
    signs: dict[str, int] = {}  # filled group by group, since an unknown sign is that of Psi
    verdicts = Verdicts(networks, options, signs, column)
    pairwise = Pairwise(signs, family)
    found: dict[str, Judged] = {}
    readable: dict[str, Readable] = {}
    for group in groups(networks, options, resamples(networks, options)):
        alone, influence = group.panel.judge(group.names)
        judged = average_oracles(alone, group.panel, options.seed)
        signs |= {name: direction_of(about[name].expected_sign, one.statistics.Psi) for name, one in judged.items()}
        verdicts.add(group, judged)
        pairwise.add(group.names, influence, group.panel.counts)
        units = Units(group, options, signs)
        for name, one in judged.items():
            readable[name] = units.of(name, one.statistics)
        found |= judged
    comparisons = pairwise.compare({name: one.statistics.Psi for name, one in found.items()})
    return Together(found, verdicts.finish(list(found), family), readable, comparisons)


def with_front(measures: Mapping[str, Entry]) -> dict[str, Entry]:
    """Mark the Pareto front of cost and Psi among the measures that take a rank."""
    points = {
        name: (entry.cost.median_seconds, entry.directed_psi)
        for name, entry in measures.items()
        if not entry.control and not ranks_draws(entry.noise)
        if entry.cost.median_seconds is not None and entry.directed_psi is not None
    }
    front = find_front(points)
    found = {}
    for name, entry in measures.items():
        if name in points:
            found[name] = replace(entry, pareto=name in front)
        else:
            why = "It is a control." if entry.control else "It needs a Psi and a cost."
            why = "Its estimator is too noisy." if ranks_draws(entry.noise) else why
            found[name] = replace(entry, why={**entry.why, "pareto": why})
    return found
