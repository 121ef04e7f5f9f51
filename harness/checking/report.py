"""The verdict of `gapbench check` for people: in the terminal, and as Markdown to paste into a pull request."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape

Rows = list[tuple[str, str]]


def render(report: Mapping[str, Any], console: Console) -> None:
    """Print the verdict on every measure."""
    for name, entry in report["measures"].items():
        verdict = "[green]accepted[/]" if entry["accepted"] else "[red]not accepted[/]"
        console.print(f"\n[bold]{escape(name)}[/] of {escape(report['file'])}: {verdict}", highlight=False)
        for fault in entry["faults"]:
            console.print(f"  [red]{escape(fault['what'])}[/]", highlight=False, soft_wrap=True)
            console.print(f"    {escape(fault['mend'])}", highlight=False, soft_wrap=True)
        for remark in entry["remarks"]:
            console.print(f"  [yellow]{escape(remark)}[/]", highlight=False, soft_wrap=True)
        for title, rows in _sections(entry):
            console.print(f"  [bold]{escape(title)}[/]", highlight=False)
            width = max((len(label) for label, _ in rows), default=0)
            for label, text in rows:
                console.print(f"    {escape(label):{width}}  {escape(text)}", highlight=False, soft_wrap=True)
    console.print(f"\n{report['seconds']:.0f} s, in {escape(report['isolation'])}.", highlight=False, soft_wrap=True)


def as_markdown(report: Mapping[str, Any]) -> str:
    """The same as Markdown."""
    lines = []
    for name, entry in report["measures"].items():
        lines.append(f"## `{name}`: {'accepted' if entry['accepted'] else 'not accepted'}")
        told = [f"- **{fault['what']}** {fault['mend']}" for fault in entry["faults"]]
        told += [f"- {remark}" for remark in entry["remarks"]]
        lines += ["", *told] if told else []
        for title, rows in _sections(entry):
            lines += ["", f"### {title}", "", "| | |", "|---|---|"]
            lines += [f"| {_cell(label)} | {_cell(text)} |" for label, text in rows]
        lines.append("")
    lines.append(f"`gapbench check {report['file']}`: {report['seconds']:.0f} s, in {report['isolation']}.")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _sections(entry: Mapping[str, Any]) -> Iterator[tuple[str, Rows]]:
    yield (
        "What it says of itself",
        [
            ("source", entry["source"]),
            ("family", entry["family"]),
            ("track", entry["track"]),
            ("needs", ", ".join(entry["needs"]) or "nothing else"),
            ("expected sign", f"{entry['expected_sign']:+d}"),
            ("cost", entry["cost"] or "not said"),
            ("version", str(entry["version"])),
        ],
    )
    yield "Architectures", [(name, _outcome(row)) for name, row in entry["architectures"].items()]
    yield "Invariances", [(row["what"], _change(row)) for row in entry["invariances"].values()]
    yield "On the check zoo", _standing(entry["zoo"])
    if entry["zoo"].get("relatives"):
        rows = [(row["name"], f"{row['spearman']:+.3f}") for row in entry["zoo"]["relatives"]]
        yield "Nearest relatives, rank correlation", rows
    yield "Cost on the check zoo", _cost(entry["costs"])


def _outcome(row: Mapping[str, Any]) -> str:
    if row["value"] is not None:
        return f"{row['value']:.6g}"
    return f"{row['outcome']}: {(row['why'].strip().splitlines() or [''])[-1]}"


def _change(row: Mapping[str, Any]) -> str:
    if row["unseen"] is None:
        return "no score before or after"
    return "not seen" if row["unseen"] else f"seen: the score moves by {row['difference']:.2g} of the larger of the two"


def _standing(zoo: Mapping[str, Any]) -> Rows:
    if zoo["why"]:
        return [("not placed", zoo["why"])]
    rows = [("networks", f"{zoo['scored']} of {zoo['networks']}")]
    for figure, words in (("Psi", "Psi with the gap"), ("tau_b", "tau-b with the gap")):
        interval = (zoo["interval"] or {}).get(figure)
        rows.append((words, _figure(zoo[figure], interval)))
    rows.append(("place by the size of Psi", f"{zoo['place']} of {zoo['of']}, the catalogue included"))
    within = zoo["within"] or {}
    rows.append(
        ("tau-b within a corruption", _figure(within.get("tau_b"), (within.get("interval") or {}).get("tau_b")))
    )
    gate = zoo["gate"]
    if gate is not None:
        words = f"{_figure(gate['auc'], gate['interval'])}: 1 where each random label scores higher, 0 lower"
        rows.append(("randomization gate", words))
    if zoo["stale"]:
        have = "measure of the catalogue has" if zoo["stale"] == 1 else "measures of the catalogue have"
        rows.append(("stale", f"{zoo['stale']} {have} changed since it was scored"))
    return rows


def _figure(value: float | None, interval: list[float] | None) -> str:
    if value is None:
        return "none"
    return f"{value:+.2f}" + ("" if interval is None else f" [{interval[0]:+.2f}, {interval[1]:+.2f}]")


def _cost(costs: Mapping[str, float | None]) -> Rows:
    if costs["seconds"] is None:
        return [("seconds", "not measured: no network was scored")]
    return [
        ("median of a network", f"{1000 * costs['seconds']:.2g} ms, shared passes included"),
        ("most", f"{1000 * (costs['most_seconds'] or 0):.2g} ms"),
        ("memory", f"{costs['megabytes'] or 0:.0f} MiB more than before"),
    ]
