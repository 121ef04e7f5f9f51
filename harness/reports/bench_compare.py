"""Compare benchmarks with a stored baseline: counts and ratios of one run must not get worse, seconds are only shown.

python -m harness.reports.bench_compare BASELINE CURRENT [--markdown FILE]
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from leaderboard.views.markdown_table import write_table

Kind = Literal["counts", "gains", "growths", "seconds"]

SLACK: Final[Mapping[Kind, float]] = {"counts": 1.05, "gains": 2.0, "growths": 2.0, "seconds": float("inf")}
PEAK_SLACK: Final = 1.25  # of counts named "... peak", which depend on when memory is given back
MADE_BY: Final = ("torch", "python_version")  # what else decides counts; both as the machine information has them


@dataclass(frozen=True, slots=True)
class Line:
    """One number of one benchmark, before and now.

    Attributes:
        benchmark, name: of which benchmark it is, and what it counts.
        kind: "counts", "gains" (larger is better), "growths" (smaller is better) or "seconds".
        before, now: the number in the baseline and in this run; None where it is missing.
    """

    benchmark: str
    name: str
    kind: Kind
    before: float | None
    now: float | None

    @property
    def times_worse(self) -> float:
        """How many times worse it is than before; 1 where there is nothing to compare with."""
        if self.before is None or self.now is None or self.before == self.now:
            return 1.0
        worse, better = (self.before, self.now) if self.kind == "gains" else (self.now, self.before)
        return worse / better if better > 0 else float("inf")

    @property
    def fails(self) -> bool:
        """Whether it may not be merged: worse by more than the slack, or no longer measured."""
        missing = self.now is None and self.kind != "seconds"
        return missing or self.times_worse > (PEAK_SLACK if self.name.endswith("peak") else SLACK[self.kind])


@dataclass(frozen=True, slots=True)
class Comparison:
    """All numbers of two runs of the benchmarks.

    Attributes:
        lines: a line for each number.
        differs: what made the two runs and is not the same in both; counts are then shown and not judged.
    """

    lines: Sequence[Line]
    differs: Sequence[str]

    def failures(self) -> list[Line]:
        """What may not be merged."""
        return [line for line in self.lines if line.fails and not (self.differs and line.kind == "counts")]


def compare(baseline: Mapping[str, Any], current: Mapping[str, Any]) -> Comparison:
    """Compare two files of pytest-benchmark.

    Benchmarks of the baseline that were not run at all are left out, so that a part can be compared; those that the
    baseline lacks are shown.
    """
    before = {each["fullname"]: each for each in baseline["benchmarks"]}
    lines = [
        line for each in current["benchmarks"] for line in _lines(each["fullname"], before.get(each["fullname"]), each)
    ]
    machines = baseline["machine_info"], current["machine_info"]
    differs = [name for name in MADE_BY if len({_minor(str(machine.get(name))) for machine in machines}) > 1]
    return Comparison(lines, differs)


def _minor(version: str) -> str:
    """Cut a version to its first two numbers: "2.11" of "2.11.0+cpu"."""
    return ".".join(version.split(".")[:2])


def _lines(name: str, before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> Iterator[Line]:
    old, new = ({} if each is None else each["extra_info"] for each in (before, now))
    kinds: tuple[Kind, ...] = ("counts", "gains", "growths")
    for kind in kinds:
        was, is_now = old.get(kind, {}), new.get(kind, {})
        for what in dict.fromkeys([*was, *is_now]):
            yield Line(name, what, kind, was.get(what), is_now.get(what))
    yield Line(
        name, "least seconds", "seconds", None if before is None else before["stats"]["min"], now["stats"]["min"]
    )


def as_markdown(comparison: Comparison) -> str:
    """Write the comparison for a pull request: the verdict, the failures, and all numbers folded."""
    failures = comparison.failures()
    judged = [line for line in comparison.lines if line.kind != "seconds" and line.before is not None]
    parts = [
        f"**{len(failures)} of {len(judged)} counts and ratios are worse than the baseline.**"
        if failures
        else f"**All {len(judged)} counts and ratios are as good as in the baseline.**"
    ]
    if comparison.differs:
        parts.append(
            f"Counts are not judged, since the baseline was made with another {' and '.join(comparison.differs)}."
        )
    if failures:
        parts.append(_table(failures))
    parts.append(f"<details><summary>All numbers</summary>\n\n{_table(comparison.lines)}\n\n</details>")
    return "\n\n".join(parts) + "\n"


def as_text(comparison: Comparison) -> str:
    """Write the comparison for a terminal of 80 columns: failures, what changed, and the verdict."""
    failures = comparison.failures()
    changed = [
        line
        for line in comparison.lines
        if line not in failures and line.kind != "seconds" and line.before is not None and line.before != line.now
    ]
    rows = [*(("WORSE", line) for line in failures), *(("", line) for line in changed)]
    lines = []
    for mark, line in rows:
        lines.append(_short(line.benchmark))
        lines.append(f"  {mark:5} {line.name:36} {_number(line.before):>12} -> {_number(line.now):>12}")
    new = sum(line.before is None and line.kind != "seconds" for line in comparison.lines)
    if comparison.differs:
        lines.append(f"Counts are not judged: the baseline has another {' and '.join(comparison.differs)}.")
    if new:
        lines.append(f"{new} numbers have no baseline: run `make bench-baseline`.")
    if failures:
        lines.append(f"{len(failures)} counts or ratios are worse than the baseline.")
        lines.append("Undo the slowdown, or run `make bench-baseline` and say why in the pull request.")
    else:
        lines.append("No count or ratio is worse than the baseline.")
    return "\n".join(lines) + "\n"


def _table(lines: Sequence[Line]) -> str:
    rows = [
        (_short(line.benchmark), line.name, _number(line.before), _number(line.now), f"{line.times_worse:.2f}")
        for line in lines
    ]
    return write_table(
        [("benchmark", "left"), ("number", "left"), ("before", "right"), ("now", "right"), ("times worse", "right")],
        rows,
    )


def _short(fullname: str) -> str:
    return fullname.removeprefix("tests/benchmarks/").replace(".py::test_", ": ")


def _number(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the comparison; 1 if something is worse."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("baseline", type=Path, help="file of pytest-benchmark to compare with")
    parser.add_argument("current", type=Path, help="file of pytest-benchmark of this run")
    parser.add_argument("--markdown", type=Path, help="file to write for a pull request")
    chosen = parser.parse_args(arguments)
    for file in (chosen.baseline, chosen.current):
        if not file.is_file():
            parser.error(f"{file} must be a file of pytest-benchmark; there is none. Run `make bench-baseline` first.")
    comparison = compare(*(json.loads(file.read_text(encoding="utf-8")) for file in (chosen.baseline, chosen.current)))
    sys.stdout.write(as_text(comparison))
    if chosen.markdown is not None:
        chosen.markdown.parent.mkdir(parents=True, exist_ok=True)
        chosen.markdown.write_text(as_markdown(comparison), encoding="utf-8")
    return int(bool(comparison.failures()))


if __name__ == "__main__":
    sys.exit(main())
