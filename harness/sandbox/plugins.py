"""Measures of a file and of installed packages: described and scored in the sandbox, and never imported here."""

import atexit
import functools
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import torch

from harness.errors import HarnessError
from harness.sandbox.client import Sandbox
from harness.sandbox.replies import Reply
from harness.sandbox.submission import Parts, PluginError, Submission, Turn
from harness.store.measure_metadata import TRACKS, Track, track_of
from measures import Measure, Score
from measures.api import Need
from measures.errors import MeasuresError
from measures.registry import PLUGIN_GROUP
from measures.training_history import Refit


@dataclass(frozen=True, slots=True)
class Retraining:
    """Retraining for measures that need it.

    Attributes:
        refit: trains by the recipe, in this process; None where nothing can be trained.
        time_limit: seconds for one such measure.
    """

    refit: Refit | None
    time_limit: float


@dataclass(frozen=True, slots=True)
class Plugins:
    """Measures of a file and of installed packages.

    Attributes:
        measures: by name, as they are declared.
        submissions: code of each measure, by its name.
        problems: plug-ins that cannot be used, a sentence each.
    """

    measures: Mapping[str, Measure]
    submissions: Mapping[str, Submission]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OfTrack:
    """Measures of one submission and one track.

    Attributes:
        track: of the measures.
        versions: of the measures, by name.
        needs: union of their needs.
    """

    track: Track
    versions: Mapping[str, int]
    needs: frozenset[Need]


@dataclass(frozen=True, slots=True)
class Commission:
    """Measures of one submission to compute, which share a process.

    Attributes:
        submission: their code.
        tracks: the measures by track; tracks that see less come first.
    """

    submission: Submission
    tracks: tuple[OfTrack, ...]

    @property
    def versions(self) -> dict[str, int]:
        """Return the version of each measure by name."""
        return {name: version for of_track in self.tracks for name, version in of_track.versions.items()}


def load_plugins(plugin: Path | None, taken: Mapping[str, Measure]) -> Plugins:
    """Describe the measures of a file and of installed packages; a broken package is a problem, a broken file an error.

    Args:
        plugin: the file; None for none.
        taken: measures whose names are taken.

    Raises:
        PluginError: there is no such file, it does not run, or defines no measure or one of a name that is taken.
    """
    measures: dict[str, Measure] = {}
    submissions: dict[str, Submission] = {}
    problems = []
    if plugin is not None:
        submission = Submission.of_file(plugin)
        measures |= shared_sandbox().describe(submission)
        submissions |= dict.fromkeys(measures, submission)
        if clash := sorted(set(measures) & set(taken)):
            raise PluginError(f"{plugin} must not define measures of the catalogue; got {', '.join(clash)}. Rename.")
    for point in entry_points(group=PLUGIN_GROUP):
        try:
            submission = find_package(point)
            found = shared_sandbox().describe(submission)
            if clash := sorted(set(found) & {*taken, *measures}):
                raise PluginError(f"names are taken: {', '.join(clash)}.")
        except (HarnessError, MeasuresError, ImportError, OSError) as error:
            reason = str(error).strip().rpartition("\n")[2]
            problems.append(f"The plug-in {point.name} = {point.value} cannot be used: {reason}")
        else:
            measures |= found
            submissions |= dict.fromkeys(found, submission)
    return Plugins(measures, submissions, tuple(problems))


def find_package(point: EntryPoint) -> Submission:
    """Return the submission of an installed package: the module of its entry point, and the hash of all its code.

    Raises:
        PluginError: it names no module, or no package is called so.
    """
    if point.pattern.match(point.value) is None:
        raise PluginError("an entry point must name a module, as in package.module.")
    top = point.module.partition(".")[0]
    spec = importlib.util.find_spec(top)  # runs nothing for a name without a dot
    if spec is None:
        raise PluginError(f"No package is called {top}.")
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    files = [file for folder in folders for file in folder.rglob("*.py")] or [Path(spec.origin or "")]
    return Submission.of_module(point.module, files)


def make_commissions(
    names: Sequence[str], measures: Mapping[str, Measure], submissions: Mapping[str, Submission]
) -> tuple[Commission, ...]:
    """Group the measures of plug-ins into commissions: each of a file alone, those of an installed package together.

    What shares a process can tamper with its neighbours. A submitted file is code that nobody has read; whoever
    installs a package of many measures trusts it, and they share their passes.
    """
    commissions = []
    for submission in dict.fromkeys(submissions[name] for name in names if name in submissions):
        mine = [measures[name] for name in names if submissions.get(name) == submission]
        groups = [[measure] for measure in mine] if submission.kind == "file" else [mine]
        commissions += [make_commission(submission, group) for group in groups]
    return tuple(commissions)


def make_commission(submission: Submission, group: Sequence[Measure]) -> Commission:
    """Group measures that share a process by what they may see."""
    tracks = []
    for track in TRACKS:
        if mine := [m for m in group if track_of(m.needs, weights_only=m.weights_only) == track]:
            needs = frozenset(need for measure in mine for need in measure.needs)
            tracks.append(OfTrack(track, {measure.name: measure.version for measure in mine}, needs))
    return Commission(submission, tuple(tracks))


def score_commission(
    commission: Commission, parts: Parts, time_limit: float, retraining: Retraining
) -> dict[str, Score]:
    """Score one network in the sandbox."""
    submission, needs = commission.submission, frozenset[Need]()
    turns: list[Turn] = []
    retrained: list[Turn] = []
    for of_track in commission.tracks:
        needs |= of_track.needs  # later tracks may see what earlier ones saw
        seen = parts.for_needs(needs)
        if of_track.track == "weights only":
            seen = seen.without_data()
        (retrained if of_track.track == "retraining" else turns).append(Turn(tuple(of_track.versions), seen))
    replies: dict[str, Reply] = {}
    if turns:
        replies |= shared_sandbox().score_in_turn(submission, turns, time_limit=time_limit)
    if retrained:
        replies |= shared_sandbox().score_in_turn(
            submission, retrained, time_limit=retraining.time_limit, refit=retraining.refit
        )
    return {
        name: replace(replies[name].score, version=version, source_hash=submission.source_hash)
        for name, version in commission.versions.items()
    }


@functools.cache
def shared_sandbox() -> Sandbox:
    """Return the sandbox of this process, started on the first call."""
    sandbox = Sandbox(threads=torch.get_num_threads())
    atexit.register(sandbox.close)
    return sandbox
