"""Show the result of `gapbench check`: in the terminal, and as Markdown for a pull request."""

from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape

from harness.checking.result import ArchitectureScore, CheckResult, Cost, Invariance, MeasureResult, Standing
from harness.checking.verdict import EQUAL
from leaderboard.views.terminal import format_noise

Rows = list[tuple[str, str]]


def render(result: CheckResult, console: Console) -> None:
    """Print the result of every measure."""
    for name, entry in result.measures.items():
        verdict = "[green]accepted[/]" if entry.accepted else "[red]not accepted[/]"
        console.print(f"\n[bold]{escape(name)}[/] of {escape(result.file)}: {verdict}", highlight=False)
        for fault in entry.faults:
            console.print(f"  [red]{escape(fault.what)}[/]", highlight=False, soft_wrap=True)
            console.print(f"    {escape(fault.mend)}", highlight=False, soft_wrap=True)
        for remark in entry.remarks:
            console.print(f"  [yellow]{escape(remark)}[/]", highlight=False, soft_wrap=True)
        for title, rows in _sections(entry):
            console.print(f"  [bold]{escape(title)}[/]", highlight=False)
            width = max((len(label) for label, _ in rows), default=0)
            for label, text in rows:
                console.print(f"    {escape(label):{width}}  {escape(text)}", highlight=False, soft_wrap=True)
    console.print(f"\n{result.seconds:.0f} s, in {escape(result.isolation)}.", highlight=False, soft_wrap=True)


def as_markdown(result: CheckResult) -> str:
    """Return the result as Markdown."""
    lines = []
    for name, entry in result.measures.items():
        lines.append(f"## `{name}`: {'accepted' if entry.accepted else 'not accepted'}")
        lines_of_entry = [f"- **{fault.what}** {fault.mend}" for fault in entry.faults]
        lines_of_entry += [f"- {remark}" for remark in entry.remarks]
        lines += ["", *lines_of_entry] if lines_of_entry else []
        for title, rows in _sections(entry):
            lines += ["", f"### {title}", "", "| | |", "|---|---|"]
            lines += [f"| {_cell(label)} | {_cell(text)} |" for label, text in rows]
        lines.append("")
    lines.append(f"`gapbench check {result.file}`: {result.seconds:.0f} s, in {result.isolation}.")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _sections(entry: MeasureResult) -> Iterator[tuple[str, Rows]]:
    yield (
        "Metadata",
        [
            ("source", entry.source),
            ("family", entry.family),
            ("track", entry.track),
            ("needs", ", ".join(entry.needs) or "nothing else"),
            ("expected sign", f"{entry.expected_sign:+d}"),
            ("cost", entry.cost or "not said"),
            ("version", str(entry.version)),
        ],
    )
    yield "Architectures", [(name, _outcome(score)) for name, score in entry.architectures.items()]
    yield "Invariances", [(change.what, _effect(change)) for change in entry.invariances.values()]
    yield "On the check zoo", _standing(entry.zoo)
    if entry.zoo.relatives:
        rows = [(relative.name, f"{relative.spearman:+.3f}") for relative in entry.zoo.relatives]
        yield "Nearest relatives, rank correlation", rows
    yield "Cost on the check zoo", _cost(entry.costs)


def _outcome(score: ArchitectureScore) -> str:
    if score.value is not None:
        return f"{score.value:.6g}"
    return f"{score.outcome}: {(score.why.strip().splitlines() or [''])[-1]}"


def _effect(change: Invariance) -> str:
    if change.unseen is None:
        return "no score before or after"
    if change.unseen and change.difference is not None and change.difference >= EQUAL:
        return f"changes by {change.difference:.2g} of the larger score, other seeds by up to {change.noise:.2g}"
    return "invariant" if change.unseen else f"changes by {change.difference:.2g} of the larger score"


def _standing(zoo: Standing) -> Rows:
    if zoo.why:
        return [("not ranked", zoo.why)]
    interval, within = zoo.interval, zoo.within
    rows = [
        ("networks", f"{zoo.scored} of {zoo.networks}"),
        ("Psi with the gap", _estimate(zoo.Psi, None if interval is None else interval.Psi)),
        ("what these networks settle", _settled(zoo)),
        ("tau-b with the gap", _estimate(zoo.tau_b, None if interval is None else interval.tau_b)),
        ("place by the size of Psi", f"{zoo.place} of {zoo.of}, the catalogue included"),
        ("tau-b within a corruption", "none" if within is None else _estimate(within.tau_b, within.interval.tau_b)),
    ]
    if zoo.gate is not None:
        gate = _estimate(zoo.gate.auc, zoo.gate.interval)
        rows.append(("randomization gate", f"{gate}: 1 if random labels always score higher, 0 if always lower"))
    if zoo.noise is not None:
        rows.append(("noise of its estimator", f"{format_noise(zoo.noise)}: spread over seeds over that over networks"))
    if zoo.stale:
        have = "measure of the catalogue has" if zoo.stale == 1 else "measures of the catalogue have"
        rows.append(("stale", f"{zoo.stale} {have} changed since the zoo was scored"))
    return rows


def _settled(zoo: Standing) -> str:
    if zoo.settles is None:
        return "no difference of Psi between two measures"
    return f"differences of Psi above {zoo.settles:.2f}; measures closer than that need more networks: gapbench plan"


def _estimate(value: float | None, interval: tuple[float, float] | None) -> str:
    if value is None:
        return "none"
    return f"{value:+.2f}" + ("" if interval is None else f" [{interval[0]:+.2f}, {interval[1]:+.2f}]")


def _cost(costs: Cost) -> Rows:
    if costs.seconds is None:
        return [("seconds", "not measured: no network was scored")]
    return [
        ("median per network", f"{1000 * costs.seconds:.2g} ms, shared passes included"),
        ("largest", f"{1000 * (costs.most_seconds or 0):.2g} ms"),
        ("memory", f"{costs.megabytes or 0:.0f} MiB more than before"),
    ]
