"""The report in words and tables."""

import traceback
from collections.abc import Callable, Mapping
from typing import Final

from tests.benchmarks.gpu_report.baselines import BASELINES
from tests.benchmarks.gpu_report.table import Found, table
from tests.benchmarks.gpu_report.writing_scores import catalogue_told, suites_told, ten_told

GOALS: Final = {"loader_float32": 10.0, "resident_bf16": 3.0}  # times as many networks an hour


def markdown(report: Found) -> str:
    """The report as Markdown; of a section that was ended in the middle what it had found by then."""
    found = report.get("sections", {})
    lines = ["# Training and scoring, measured", ""]
    lines += _told(_peaks, {**found.get("peaks", {}), "seconds": report.get("seconds", 0.0)})
    cases = {name: section for name, section in found.items() if "kinds" in section}
    if cases:
        lines += _told(_summary, cases)
    for name, case in cases.items():
        lines += _told(_case, {**case, "name": name})
    for name, write in WRITERS.items():
        if name in found:
            lines += _told(write, found[name])
    failed = [
        f"{name}, {what}:\n\n```\n{why.strip()}\n```"
        for name, section in found.items()
        for what, why in section.get("failed", {}).items()
    ]
    if failed:
        lines += ["## Failed", "", *(f"- {text}\n" for text in failed), ""]
    if report["left_out"]:
        lines += ["## Left out", ""]
        for text in report["left_out"]:
            first, _, rest = text.partition("\n")
            lines += [f"- {first}", *(["", "```", rest, "```", ""] if rest else [])]
        lines.append("")
    if took := report.get("took"):
        lines += ["Seconds: " + ", ".join(f"{name} {seconds:.0f}" for name, seconds in took.items()) + ".", ""]
    return "\n".join(lines)


def _told(write: Callable[[Found], list[str]], found: Found) -> list[str]:
    """A section in words, or why it has none: the numbers are in report.json, and the other sections follow."""
    try:
        return write(found)
    except Exception:  # noqa: BLE001  a figure that is missing takes no other section down
        return [
            "This section is not whole; its figures are in report.json.",
            "",
            "```",
            traceback.format_exc(),
            "```",
            "",
        ]


def _peaks(found: Found) -> list[str]:
    return [
        (
            f"{found.get('device', 'Device not known')}, torch {found.get('torch', '?')}; "
            f"{found.get('images', '?')}; {found['seconds']:.0f} s in all."
        ),
        "",
        "Peak by a large matrix product: "
        + ", ".join(f"{p} {found.get(p, 0) / 1e12:.2f} TFLOP/s" for p in ("float32", "bf16"))
        + f"; a copy on the device: {found.get('copied', 0) / 1e12:.2f} TB/s, read and written.",
        "",
        *(f"- {text}" for text in BASELINES.values()),
        "- gapbench: the engine and size that a timing chose, in float32 and in bf16; choosing is not included.",
        "",
        (
            "Kinds take turns; the fastest round counts. All stop at the same training loss; the epochs are the "
            "mean's. On a GPU the float32 of gapbench is float32, and that of (a) what torch does by itself: "
            "convolutions in TF32."
        ),
        "",
    ]


def _summary(cases: Mapping[str, Found]) -> list[str]:
    """The figures that the goals are about, of all shapes."""
    rows = []
    for name, case in cases.items():
        for precision, chosen in case["choices"].items():
            if (own := case["kinds"].get(f"gapbench_{precision}")) is None:
                continue
            verdicts = [case.get("verdicts", {}).get(f"gapbench_{precision} / {kind}") for kind in GOALS]
            times = [f"{verdict['times']:.2f}" if verdict else "" for verdict in verdicts]
            same = ["?" if verdict is None else "yes" if verdict["within_seed_noise"] else "no" for verdict in verdicts]
            speed, share = f"{own['networks_an_hour']:.0f}", f"{own['share_of_peak']:.2%}"
            engine = (f"{case['parameters']:,}", precision, chosen["choice"])
            rows.append((name, *engine, speed, *times, ", ".join(same), share))
    columns = (
        "shape | parameters | precision | engine | networks an hour | times (a), goal 10 | times (b), goal 3 | "
        "same accuracy as (a), (b) | of peak"
    )
    return ["## Times as many networks an hour", "", *table(columns, rows)]


def _case(case: Found) -> list[str]:
    kinds = [
        (
            kind,
            f"{row['networks_an_hour']:.0f}",
            f"{1e3 * row['seconds_an_epoch']:.1f}",
            f"{row['epochs']:.1f}",
            f"{row['test_accuracy']:.3f} ± {row['spread']:.3f}",
            f"{row['converged']} of {row['networks']}",
            f"{row['share_of_peak']:.2%}",
            row["rounds"],
        )
        for kind, row in case["kinds"].items()
    ]
    comparisons = []
    for pair, verdict in case.get("verdicts", {}).items():
        goal = GOALS[pair.rpartition(" / ")[2]]
        reached = f"{goal:g} {'reached' if verdict['times'] >= goal else 'not reached'}"
        times = (f"{verdict['times']:.2f}", f"{verdict['times_an_epoch']:.2f}")
        same = "yes" if verdict["within_seed_noise"] else "no"
        comparisons.append((pair, *times, reached, f"{verdict['accuracy_difference']:+.3f}", same))
    lines = [
        f"## {case['name']}, {case['parameters']:,} parameters",
        "",
        *table("kind | networks an hour | ms an epoch | epochs | test accuracy | converged | of peak | rounds", kinds),
        *table("comparison | times | times an epoch | goal | accuracy difference | within seed noise", comparisons),
    ]
    for precision, chosen in case["choices"].items():
        timings = ", ".join(f"{k} {1e3 * v:.2f}" for k, v in chosen["seconds_for_a_step_of_all"].items())
        lines.append(
            f"{precision}: {chosen['choice']}, chosen in {chosen['seconds_to_choose']:.0f} s. "
            f"Milliseconds for a step of every network: {timings or 'one choice only'}."
        )
        lines += [f"- left out: {engine}. {why}" for engine, why in chosen["left_out"].items()]
        lines.append("")
    if (bound := case.get("bound")) is None:
        return [*lines, "What bounds a step was not measured.", ""]
    memory = f", {bound['gigabytes']:.1f} GB at most" if "gigabytes" in bound else ""
    said = (
        f"Bound by {bound['bound_by']}. {bound['engine']} in {bound['precision']}: {1e3 * bound['seconds_a_step']:.2f} "
        f"ms a step, {bound['kernels_a_step']:.0f} kernels a step, {bound['microseconds_a_kernel']:.1f} us each, "
        f"busy {bound['busy']:.0%}{memory}. Most time:"
    )
    return [
        *lines,
        said,
        "",
        *(f"- {row['share']:.0%} {row['kernel']} ({row['calls']} a step)" for row in bound["most_time"]),
        "",
    ]


def _compiled(found: Found) -> list[str]:
    rows = found["milliseconds"]
    engines = list(dict.fromkeys(engine.split()[0] for row in rows.values() for engine in row))
    cells = [
        (name, *(", ".join(f"{row[e]:.4f}" for e in row if e.split()[0] == engine) for engine in engines))
        for name, row in rows.items()
    ]
    return [
        "## Compiled fleets",
        "",
        "Milliseconds of a step of one network, fleets in the size that was chosen; compiling takes minutes more.",
        "",
        *table(" | ".join(("shape", *engines)), cells),
    ]


def _convolutions(found: Found) -> list[str]:
    rows = []
    for row in found["convolutions"]:
        taken = (f"{row[way]:.2f}" if way in row else "" for way in ("grouped", "products", "loop"))
        image, kernel = f"{row['side']} x {row['side']}", f"{row['kernel']} x {row['kernel']}"
        rows.append((kernel, row["channels"], image, row["precision"], *taken))
    return [
        f"## Convolutions of a fleet of {found['fleet']}, batches of {found['batch']}",
        "",
        "Milliseconds forward and backward for the whole fleet; gapbench takes the grouped one.",
        "",
        *table("kernel | channels | image | precision | grouped | matrix products | one by one", rows),
    ]


def _agreement(found: Found) -> list[str]:
    lines = ["## The engines agree", ""]
    for name, said in found.items():
        lines += [f"{name}:", "", "```", said, "```", ""]
    return lines


def _repeated(found: Found) -> list[str]:
    lines = ["## Two runs of a recipe", ""]
    lines += [
        f"- {mode}: " + ("identical" if row["identical"] else f"differ by up to {row['largest_difference']:.2g}")
        for mode, row in found.get("repeated", {}).items()
    ]
    return [*lines, *([f"- left out: {found['left_out']}"] if "left_out" in found else []), ""]


def _processes(found: Found) -> list[str]:
    lines = ["## Fleets in several processes", ""]
    lines += [f"{found['networks']} networks, {found['engine']} in each process; start-up included.", ""]
    return [*lines, *(f"- {number} processes: {seconds:.1f} s" for number, seconds in found["seconds"].items()), ""]


WRITERS: Final[dict[str, Callable[[Found], list[str]]]] = {
    "compiled": _compiled,
    "convolutions": _convolutions,
    "engines agree": _agreement,
    "two runs": _repeated,
    "processes": _processes,
    "catalogue": catalogue_told,
    "ten networks": ten_told,
    "suites": suites_told,
}
