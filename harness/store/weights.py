"""Weights on disk: safetensors files with recipe and record in the header, checked against their SHA-256."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Self

import safetensors
import safetensors.torch
from torch import Tensor

from harness.errors import HarnessError
from harness.store.adopted import Origin, origin_of, require_recipe
from harness.store.provenance import Provenance
from zoo.recipe import Recipe
from zoo.training.record import Record, Snapshot, TrainedRun

HALVES = ("initial", "final")
TRAJECTORY = "trajectory.safetensors"


class CorruptRunError(HarnessError):
    """A run on disk is damaged; the message names the file."""


@dataclass(frozen=True, slots=True)
class PackedRun:
    """A trained run with its weight files as bytes: what a worker sends and the store writes.

    Attributes:
        origin: recipe of what was trained, or the record of what was trained elsewhere.
        record: its training record.
        provenance: versions and machine.
        initial, final: safetensors files of parameters and buffers before and after training; the former is without
            tensors where the start is not known.
        trajectory: a safetensors file of those at the checkpoints, named EPOCH/STEP/NAME; None where none were kept.
    """

    origin: Origin
    record: Record
    provenance: Provenance
    initial: bytes
    final: bytes
    trajectory: bytes | None = None

    @property
    def recipe(self) -> Recipe:
        """Its recipe.

        Raises:
            NoRecipeError: it was trained elsewhere.
        """
        return require_recipe(self.origin)


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A safetensors file and its SHA-256.

    Attributes:
        path: of the file.
        sha256: of its bytes.
        content_sent: its bytes, for a machine that does not see the path; None where it is read from there.
    """

    path: Path
    sha256: str
    content_sent: bytes | None = field(default=None, repr=False)

    def with_content(self) -> Self:
        """Return the same file with its bytes, after checking their hash; raises as `content`."""
        return replace(self, content_sent=self.content())

    def content(self) -> bytes:
        """Read its bytes.

        Raises:
            CorruptRunError: the file is missing or has another hash.
        """
        try:
            content = self.path.read_bytes() if self.content_sent is None else self.content_sent
        except OSError as error:
            raise CorruptRunError(f"{self.path} cannot be read ({error.strerror}).") from error
        if sha256_of(content) != self.sha256:
            raise CorruptRunError(f"{self.path} is not what was written: its SHA-256 differs from the ledger's.")
        return content

    def state(self) -> dict[str, Tensor]:
        """Load its tensors by name; raises as `content`."""
        return safetensors.torch.load(self.content())


def to_json(origin: Origin, record: Record, provenance: Provenance) -> tuple[str, str, str]:
    """Return origin, record and provenance as JSON, as the ledger and the headers of weight files hold them."""
    return json.dumps(origin.changed()), json.dumps(asdict(record)), json.dumps(provenance)


def pack(run: TrainedRun, provenance: Provenance) -> PackedRun:
    """Serialize the weights of a trained run; see `pack_states`."""
    return pack_states(run.recipe, run.record, provenance, run.initial, run.final, run.snapshots)


def pack_states(
    origin: Origin,
    record: Record,
    provenance: Provenance,
    initial: Mapping[str, Tensor],
    final: Mapping[str, Tensor],
    snapshots: Sequence[Snapshot],
) -> PackedRun:
    """Serialize weights, with origin, record and provenance in the header of each file."""
    header = dict(zip(("recipe", "record", "provenance"), to_json(origin, record, provenance), strict=True))
    before, after = (safetensors.torch.save(_contiguous(state), metadata=header) for state in (initial, final))
    states = {f"{s.epoch}/{s.step}/{name}": value for s in snapshots for name, value in s.state.items()}
    trajectory = safetensors.torch.save(_contiguous(states), metadata=header) if states else None
    return PackedRun(origin, record, dict(provenance), before, after, trajectory)


def snapshots_in(file: WeightFile) -> list[Snapshot]:
    """Load the checkpoints of a trajectory's file, oldest first; raises as `WeightFile.content`."""
    states: dict[tuple[int, int], dict[str, Tensor]] = {}
    for key, value in file.state().items():
        epoch, step, name = key.split("/", 2)
        states.setdefault((int(epoch), int(step)), {})[name] = value
    return [Snapshot(epoch, step, state) for (epoch, step), state in sorted(states.items())]


def unpack(folder: Path) -> PackedRun:
    """Read a run from the weight files of its folder.

    Raises:
        CorruptRunError: a file is missing, truncated or without the header, or the folder is named after another run.
    """
    initial, final = (folder / f"{half}.safetensors" for half in HALVES)
    try:
        for file in (initial, final):
            with safetensors.safe_open(file, framework="pt") as opened:
                header = {name: json.loads(text) for name, text in (opened.metadata() or {}).items()}
        trajectory = folder / TRAJECTORY
        run = PackedRun(
            origin_of(header["recipe"]),
            Record.from_json(header["record"]),
            header["provenance"],
            initial.read_bytes(),
            final.read_bytes(),
            trajectory.read_bytes() if trajectory.is_file() else None,
        )
    except (OSError, ValueError, TypeError, LookupError, safetensors.SafetensorError) as error:
        raise CorruptRunError(f"{folder} cannot be read back ({type(error).__name__}: {error}).") from error
    if run.origin.run_id != folder.name:
        raise CorruptRunError(f"{folder} cannot be read back (its recipe is that of {run.origin.run_id}).")
    return run


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 of bytes in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _contiguous(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.contiguous() for name, value in state.items()}
