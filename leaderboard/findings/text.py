"""Write the page of findings in Markdown: every sentence follows the numbers of the rankings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import fill
from typing import Final

from leaderboard.findings.agreement import Agreement, Halves
from leaderboard.findings.facts import (
    LEADING,
    discouraged,
    pairs_told_apart,
    recommended,
)
from leaderboard.findings.published import PublishedAgreement
from leaderboard.findings.situation_text import describe_situations
from leaderboard.findings.situations import Budget
from leaderboard.findings.tables import leading_table, published_table
from leaderboard.ranking.report import Report
from leaderboard.ranking.verdicts import beats_chance, below_chance, passes_gate, ranked_names, says_more
from leaderboard.statistics.resampling import Interval
from leaderboard.views.families import markdown_families
from leaderboard.views.markdown_table import code

NAMED: Final = 12  # names in a sentence
ALIKE: Final = 0.8  # rank correlation from which two halves of a zoo are said to agree
SMALL: Final = 192  # networks: half of the reference factorial
WIDTH: Final = 140  # of a line


@dataclass(frozen=True, slots=True, kw_only=True)
class Zoo:
    """A ranked zoo under the name that the page calls it by.

    Attributes:
        name: in words.
        report: its ranking.
        halves: how its halves agree; None where they were not compared.
        sizes: number of trainable parameters of its smallest and largest network; None where the ledger lacks it.
    """

    name: str
    report: Report
    halves: Halves | None = None
    sizes: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything that the page states.

    Attributes:
        zoo: the zoo that it is about.
        command: that wrote the page.
        others: further zoos, each with the agreement of its ranking with that of the first.
        published: agreement with published mean sign errors; None where too few measures have them.
        figures: paths of pictures by section, relative to the page.
        budgets: what the measures compute, by name.
    """

    zoo: Zoo
    command: str
    others: Sequence[tuple[Zoo, Agreement | None]] = ()
    published: PublishedAgreement | None = None
    figures: Mapping[str, str] = field(default_factory=dict)
    budgets: Mapping[str, Budget] = field(default_factory=dict)


def write_findings(findings: Findings) -> str:
    """Write the page."""
    zoo, report = findings.zoo, findings.zoo.report
    sections = [
        _head(findings),
        _families(findings),
        _leading(findings),
        _gate(report),
        _held_out(report),
        *(_other(findings, other, found) for other, found in findings.others),
        _halves(zoo),
        _published(findings),
        _advice(report),
        _situations(findings),
        _limits(zoo),
    ]
    return "\n".join(section for section in sections if section)


def _head(findings: Findings) -> str:
    report = findings.zoo.report
    names = ranked_names(report)
    entries = [report.measures[name] for name in names]
    better, worse, beyond = (sum(map(test, entries)) for test in (beats_chance, below_chance, says_more))
    told, pairs = pairs_told_apart(report)
    corruptions = 0 if report.within is None else len(report.within.strata)
    within = f", which are compared within each of {corruptions} corruptions" if corruptions > 1 else ""
    text = "# Findings\n\n" + _paragraph(
        f"Written by `{findings.command}`: every number and every sentence follows the ledger."
    )
    text += "\n" + _paragraph(
        f"""**{findings.zoo.name}** ranks {_count(len(names), "measure")} on {_count(report.models, "network")}{within}.
        Corrected for testing all of them, {_number(better, "beats", "beat")} chance in the expected direction and
        {_number(worse, "falls", "fall")} below it; {_number(beyond, "says", "say")} more than all
        hyperparameters do. Among the first {min(LEADING, len(names))} measures {told} of {pairs} pairs are told
        apart."""
    )
    if told < pairs and report.power is not None and report.power.networks_needed:
        one, two = report.power.between
        text += "\n" + _paragraph(
            f"""The two leading measures, {code(one)} and {code(two)}, differ by {abs(report.power.difference):.3f};
            to tell such a difference takes about {report.power.networks_needed:,} networks of this kind."""
        )
    if report.models < SMALL:
        text += "\n" + _paragraph(
            f"""*This is a part of a zoo: {_count(report.models, "network")}. Intervals are wide, and orders will move
            as more are trained.*"""
        )
    return text


def _families(findings: Findings) -> str:
    table = markdown_families(findings.zoo.report)
    legend = _paragraph(
        """Psi in the expected direction: 1 orders every pair of networks that differ in one hyperparameter rightly, 0
        is chance. *Better*, *worse* and *beyond hp* (it says more than all
        hyperparameters do) count measures at the 5 %
        level after correction; *gate* counts those that tell random from true labels."""
    )
    return table and _section(findings, "Which families predict the gap within a corruption", legend, table, "families")


def _leading(findings: Findings) -> str:
    table = leading_table(findings.zoo.report)
    legend = _paragraph(
        """*Networks*: how many have a score; *labels*: how many labelled held-out examples order them as well;
        *seconds*: for one network on one thread, shared passes included."""
    )
    return table and _section(findings, "The leading measures, in labels and seconds", legend, table, "cost")


def _section(findings: Findings, title: str, legend: str, table: str, figure: str) -> str:
    return f"## {title}\n\n{legend}\n{table}{_figure(findings, figure)}"


def _gate(report: Report) -> str:
    tested = [name for name in ranked_names(report) if passes_gate(report.measures[name]) is not None]
    if not tested:
        text = "The zoo has too few networks trained on random labels to test any measure on them."
    else:
        failed = [name for name in tested if not passes_gate(report.measures[name])]
        leading = [name for name in failed if beats_chance(report.measures[name])]
        text = f"""{len(tested) - len(failed)} of {len(tested)} measures tell networks that fitted random labels from
            those that learnt true ones, in the expected direction at 95 %."""
        if leading:
            text += f" These predict the gap and do not: {_list(leading)}."
    return f"## Random labels\n\n{_paragraph(text)}"


def _held_out(report: Report) -> str:
    if report.beside is None:
        return ""
    judged = {name: one for name, one in report.beside.measures.items() if one.holds is not None}
    lost = [name for name, one in judged.items() if not one.holds]
    text = f"""On {_count(report.beside.held_out.models, "network")} of other seeds and levels every verdict holds for
        {len(judged) - len(lost)} of the {len(judged)} measures that have one."""
    return f"## On the held-out zoo\n\n{_paragraph(text + (f' Something is lost by {_list(lost)}.' if lost else ''))}"


def _other(findings: Findings, zoo: Zoo, found: Agreement | None) -> str:
    title = f"## Does {zoo.name} rank the measures as {findings.zoo.name} does?\n\n"
    if found is None:
        return title + _paragraph(f"{zoo.name} shares too few measures with it to say.")
    text = f"""Over the {found.measures} measures that both rank, the rank correlation of Psi is
        **{found.rho:+.2f}**{_interval(found.interval)} ({_count(zoo.report.models, "network")} against
        {findings.zoo.report.models}; the interval resamples families of measures). {_verdict(found)}"""
    return f"{title}{_paragraph(text)}{_figure(findings, zoo.name)}"


def _halves(zoo: Zoo) -> str:
    if zoo.halves is None:
        return ""
    halves, by = zoo.halves, " and ".join(name.removeprefix("hp.") for name in zoo.halves.by)
    text = f"""The blocks of one {by} are dealt to two halves at random, {len(halves.rhos)} times. The halves rank
        {halves.measures} measures with a rank correlation of **{halves.median:+.2f}** (median; {min(halves.rhos):+.2f}
        to {max(halves.rhos):+.2f}; the smaller half has {_count(halves.networks, "network")}). At the mark of {ALIKE:g}
        they {"agree" if halves.median >= ALIKE else "do not agree yet"}. They differ in architectures and corruptions,
        so this is the agreement of two small zoos, a lower bound for that of zoos of the whole size."""
    return f"## Two halves of the zoo\n\n{_paragraph(text)}"


def _published(findings: Findings) -> str:
    if findings.published is None:
        return ""
    found = findings.published.agreement
    text = f"""Dziugaite et al. 2020 (arXiv:2010.11924) report the mean sign error of 24 measures on Network-in-Network
        models trained on CIFAR-10 and SVHN. For the {found.measures} that are ranked here too, the rank correlation is
        **{found.rho:+.2f}**{_interval(found.interval)}. {_verdict(found)} The largest differences of rank, with the
        hyperparameter along which the mean sign error is largest here:"""
    return f"## Against published figures\n\n{_paragraph(text)}\n{published_table(findings.published)}"


def _advice(report: Report) -> str:
    good, bad = recommended(report), discouraged(report)
    paragraphs = []
    if good:
        gated = any(passes_gate(report.measures[name]) is not None for name in good)
        tested = [*(["random labels"] if gated else []), *(["held-out networks"] if report.beside is not None else [])]
        kept = (
            f", and not lost on {' and '.join(tested)}" if tested else ", tested neither on random labels nor held out"
        )
        paragraphs.append(f"Better than chance{kept}: {_list(good)}.")
        cheap = [name for name in good if report.measures[name].pareto]
        if cheap:
            paragraphs.append(f"No other measure is both better and cheaper than these: {_list(cheap)}.")
        beyond = [name for name in good if says_more(report.measures[name])]
        paragraphs.append(
            f"Of them {_list(beyond)} {'say' if len(beyond) > 1 else 'says'} more than the joint prediction from all "
            "hyperparameters."
            if beyond
            else """None of them says more than all hyperparameters do: where hyperparameters are known, these networks
            give no evidence that a measure adds to them."""
        )
    else:
        paragraphs.append("No measure is better than chance here after correction: these networks recommend none.")
    if bad:
        paragraphs.append(f"These point the other way than their papers say: {_list(bad)}.")
    return "## What to use, and what not\n\n" + "\n".join(map(_paragraph, paragraphs))


def _situations(findings: Findings) -> str:
    others = [(other.name, other.report) for other, _ in findings.others]
    found = describe_situations(findings.zoo.report, findings.budgets, others)
    if found is None:
        return ""
    sentences = "\n".join(map(_paragraph, found.sentences))
    return f"## Which to use when\n\n{_paragraph(found.legend)}\n{found.table}\n{sentences}"


def _limits(zoo: Zoo) -> str:
    report = zoo.report
    sizes = "" if zoo.sizes is None else f" of {zoo.sizes[0]:,} to {zoo.sizes[1]:,} parameters"
    left = report.not_converged if report.converged_only else 0
    text = f"""{_count(report.models, "network")}{sizes}, {report.missing_cells:,} scores missing,
        {_count(left, "network")} left out because they did not converge. One image set, small networks and small
        training sets: what holds here may fail at scale. Verdicts are corrected for the number of measures, not for the
        choice of the suite's levels."""
    return f"## Limits\n\n{_paragraph(text)}"


def _figure(findings: Findings, name: str) -> str:
    return f"\n![{name}]({findings.figures[name]})\n" if name in findings.figures else ""


def _paragraph(text: str) -> str:
    return fill(" ".join(text.split()), WIDTH, break_long_words=False, break_on_hyphens=False) + "\n"


def _verdict(found: Agreement) -> str:
    if found.interval is None:
        return "There are too few families for an interval."
    if found.interval.low > 0:
        return "The two rankings agree more than by chance."
    return "They disagree." if found.interval.high < 0 else "That is compatible with no agreement."


def _interval(interval: Interval | None) -> str:
    return "" if interval is None else f" [{interval.low:+.2f}, {interval.high:+.2f}]"


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(code(name) for name in names[:NAMED])
    return shown + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def _number(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _count(number: int, noun: str) -> str:
    return _number(number, noun, f"{noun}s")
