"""The part of the report that is about scoring, and what suites are expected to take."""

from tests.benchmarks.gpu_report.table import Found, table


def catalogue_told(found: Found) -> list[str]:
    """Seconds of each measure on the large network."""
    rows = found["measures"]
    outcomes = [row["outcome"] for row in rows.values()]
    cells = [
        (
            name,
            f"{row['alone']:.3f}",
            f"{row['wall']:.3f}",
            row["outcome"] + (f": {row['why']}" if row["outcome"] == "failed" else ""),
        )
        for name, row in sorted(rows.items(), key=lambda item: item[1]["alone"], reverse=True)
    ]
    return [
        f"## The catalogue on a ResNet-18, {found['examples']:,} examples",
        "",
        f"{found['seconds_a_network']:.1f} s a network for {len(rows)} of {found['asked']} measures, "
        f"{found['limit']:g} s at most for each: "
        + ", ".join(f"{outcomes.count(name)} {name}" for name in dict.fromkeys(outcomes))
        + ". Most expensive: "
        + ", ".join(f"{name} ({rows[name]['alone']:.2f} s)" for name in found["most_expensive"])
        + ".",
        "",
        *table("measure | seconds alone | seconds here | outcome", cells),
    ]


def ten_told(found: Found) -> list[str]:
    """The catalogue on networks of the families, on the GPU and on the processor."""
    rows = []
    for row in found["networks"]:
        there, here = row.get("cuda"), row.get("cpu")
        cells = []
        for place in (there, here):
            ended = ", ".join(f"{number} {outcome}" for outcome, number in (place or {}).get("outcomes", {}).items())
            cells += [f"{place['seconds']:.1f}" if place else "", ended]
        times = f"{here['seconds'] / there['seconds']:.1f}" if there and here else ""
        name = " ".join(f"{k}={v}" for k, v in row["network"].items() if k in ("model", "width", "depth"))
        rows.append((name, f"{row['parameters']:,}", *cells, times))
    failures = {
        f"{row['network']['model']} on {place}, {name}": why
        for row in found["networks"]
        for place in ("cuda", "cpu")
        for name, why in row.get(place, {}).get("failed", {}).items()
    }
    return [
        f"## The catalogue on {len(found['networks'])} networks, {found['examples']:,} examples",
        "",
        (
            f"Seconds a network for all measures that need no more than it and its data, {found['limit']:g} s at most "
            f"for each; the processor has {found['threads']} threads."
        ),
        "",
        *table("network | parameters | GPU | outcomes | processor | outcomes | times", rows),
        *(f"- {name}: {why.splitlines()[-1]}" for name, why in failures.items()),
        *([f"- left out: {found['left_out']} networks"] if "left_out" in found else []),
        "",
    ]


def suites_told(found: Found) -> list[str]:
    """The expected times of the suites."""
    rows = [
        (
            name,
            row["networks"],
            row["shapes"],
            f"{row['milliseconds_a_step_of_a_network']:.3f}",
            f"{row['training_at_most']:.0f}",
            f"{row['scoring_a_network']:.2f}",
            row["measures"],
            f'"{row["gpu"]}"',
        )
        for name, row in found.get("suites", {}).items()
    ]
    columns = (
        "suite | networks | shapes | ms a step of a network | training at most, s | scoring a network, s | "
        "measures | gpu="
    )
    return [
        "## What suites may be expected to take",
        "",
        (
            "One shape of each was timed and stands for all its networks; epochs are the most that are allowed; "
            "without observations, without measures that need more than a network and its data, and without claims. "
            "The last column is what `gpu=` of the suite's size would say."
        ),
        "",
        *table(columns, rows),
        *(f"- left out: {name}" for name in found.get("left_out", [])),
        "",
    ]
