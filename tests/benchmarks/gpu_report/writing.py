"""The report in words and tables."""

from collections.abc import Mapping
from typing import Any

from tests.benchmarks.gpu_report.baselines import BASELINES

GOALS = {"loader_float32": 10.0, "resident_bf16": 3.0}  # times as many networks an hour


def markdown(report: Mapping[str, Any]) -> str:
    """The report as Markdown."""
    lines = [
        "# Training and scoring, measured",
        "",
        f"{report['device']}, torch {report['torch']}; {report['images']}; {report['seconds']:.0f} s in all.",
        "",
        "Peak by a large matrix product: "
        + ", ".join(f"{name} {value / 1e12:.2f} TFLOP/s" for name, value in report["peaks"].items())
        + ".",
        "",
        *(f"- {text}" for text in BASELINES.values()),
        "- gapbench: the engine and size that a timing chose, in float32 and in bf16; choosing is not included.",
        "",
        "Kinds take turns; the fastest round counts. All stop at the same training loss; the epochs are the mean's.",
        "",
    ]
    for name, case in report["cases"].items():
        lines += _case(name, case)
    lines += _machine(report)
    lines += _catalogue(report)
    if report["left_out"]:
        lines += ["## Left out", "", *(f"- {text}" for text in report["left_out"]), ""]
    return "\n".join(lines)


def _case(name: str, case: Mapping[str, Any]) -> list[str]:
    lines = [f"## {name}, {case['parameters']:,} parameters", ""]
    lines += [
        "| kind | networks an hour | ms an epoch | epochs | test accuracy | converged | of peak |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind, row in case["kinds"].items():
        lines.append(
            f"| {kind} | {row['networks_an_hour']:.0f} | {1e3 * row['seconds_an_epoch']:.1f} | {row['epochs']:.1f} | "
            f"{row['test_accuracy']:.3f} ± {row['spread']:.3f} | {row['converged']} of {row['networks']} | "
            f"{row['share_of_peak']:.2%} |"
        )
    lines += ["", "| comparison | times | times an epoch | goal | accuracy difference | within seed noise |"]
    lines += ["|---|---|---|---|---|---|"]
    for pair, verdict in case["verdicts"].items():
        goal = GOALS[pair.rpartition(" / ")[2]]
        lines.append(
            f"| {pair} | {verdict['times']:.2f} | {verdict['times_an_epoch']:.2f} | {goal:g} "
            f"{'reached' if verdict['times'] >= goal else 'not reached'} | {verdict['accuracy_difference']:+.3f} | "
            f"{'yes' if verdict['within_seed_noise'] else 'no'} |"
        )
    lines.append("")
    for precision, chosen in case["choices"].items():
        timings = ", ".join(f"{k} {1e3 * v:.2f}" for k, v in chosen["seconds_for_a_step_of_all"].items())
        lines.append(
            f"{precision}: {chosen['choice']}, chosen in {chosen['seconds_to_choose']:.0f} s. "
            f"Milliseconds for a step of every network: {timings or 'one choice only'}."
        )
        lines += [f"- left out: {engine}. {why}" for engine, why in chosen["left_out"].items()]
        lines.append("")
    bound = case["bound"]
    said = (
        f"Bound by {bound['bound_by']}. {bound['engine']} in {bound['precision']}: {1e3 * bound['seconds_a_step']:.2f} "
        f"ms a step, {bound['kernels_a_step']:.0f} kernels a step, {bound['microseconds_a_kernel']:.1f} us each, "
        f"busy {bound['busy']:.0%}. Most time:"
    )
    lines += [
        said,
        "",
        *(f"- {row['share']:.0%} {row['kernel']} ({row['calls']} a step)" for row in bound["most_time"]),
        "",
    ]
    return lines


def _machine(report: Mapping[str, Any]) -> list[str]:
    lines = []
    if processes := report.get("processes"):
        lines += ["## Fleets in several processes", "", "Start-up included, fleets of one size.", ""]
        lines += [f"- {number} processes: {seconds:.1f} s" for number, seconds in processes.items()]
        lines.append("")
    if repeated := report.get("repeated"):
        lines += ["## Two runs of a recipe", ""]
        lines += [
            f"- {mode}: " + ("identical" if row["identical"] else f"differ by up to {row['largest_difference']:.2g}")
            for mode, row in repeated.items()
        ]
        lines.append("")
    return lines


def _catalogue(report: Mapping[str, Any]) -> list[str]:
    found = report.get("catalogue")
    if not found:
        return []
    rows = found["measures"]
    outcomes = [row["outcome"] for row in rows.values()]
    lines = [
        f"## The catalogue on a ResNet-18, {found['examples']:,} examples",
        "",
        f"{found['seconds_a_network']:.1f} s a network for {len(rows)} of {found['asked']} measures: "
        + ", ".join(f"{outcomes.count(name)} {name}" for name in dict.fromkeys(outcomes))
        + ". Most expensive: "
        + ", ".join(f"{name} ({rows[name]['alone']:.2f} s)" for name in found["most_expensive"])
        + ".",
        "",
        "| measure | seconds alone | seconds here | outcome |",
        "|---|---|---|---|",
    ]
    ordered = sorted(rows, key=lambda name: rows[name]["alone"], reverse=True)
    lines += [
        f"| {name} | {rows[name]['alone']:.3f} | {rows[name]['wall']:.3f} | {rows[name]['outcome']} |"
        for name in ordered
    ]
    return [*lines, ""]
