"""`make golden`: renew the golden numbers of measures that are new or have another version, and of nothing else."""

import sys
from collections.abc import Mapping

from measures.registry import catalog
from tests.golden.numbers.record import Golden, distance, read_golden, tolerance_of, write_golden
from tests.golden.numbers.scores import OTHERS, PLAIN, Scores, scores_in_process


def renewed(
    golden: Mapping[str, Golden], versions: Mapping[str, int], plain: Scores, others: Mapping[str, Scores]
) -> tuple[dict[str, Golden], list[str]]:
    """Renew what is new or raised and drop what is gone; returns the golden numbers and a sentence for each change.

    Args:
        golden: as stored.
        versions: of today's catalogue, by measure.
        plain: scores of today.
        others: scores under other rounding, whose spread decides the tolerance.
    """
    result: dict[str, Golden] = {}
    changes = [f"{name}: gone" for name in sorted(golden.keys() - versions.keys())]
    for name, version in versions.items():
        known = golden.get(name)
        if known is not None and known.version == version:
            result[name] = known
            continue
        spread = max((distance(plain[name], scores[name]) for scores in others.values()), default=0.0)
        first = version if known is None else known.first
        result[name] = Golden(version, first, tolerance_of(spread), plain[name])
        before = "new" if known is None else f"version {known.version} before"
        changes.append(f"{name}: version {version} ({before}), tolerance {result[name].tolerance:.0e}")
    return result, changes


def main() -> int:
    """Renew the file; 1 where a number changed without a version, which stays as it is."""
    golden, versions = read_golden(), {name: measure.version for name, measure in catalog().items()}
    stale = [name for name, version in versions.items() if name not in golden or golden[name].version != version]
    plain = scores_in_process(PLAIN)
    others = {name: scores_in_process(rounding) for name, rounding in OTHERS.items()} if stale else {}
    result, changes = renewed(golden, versions, plain, others)
    write_golden(result)
    sys.stdout.write("\n".join(changes or ["Nothing to renew: no measure is new or has another version."]) + "\n")
    changed = [
        name
        for name in sorted(set(versions) - set(stale))
        if distance(golden[name].scores, plain[name]) > golden[name].tolerance
    ]
    if changed:
        sys.stderr.write(
            f"Not renewed, since the version is as before: {', '.join(changed)}. Raise it or undo the change.\n"
        )
    return int(bool(changed))


if __name__ == "__main__":
    sys.exit(main())
