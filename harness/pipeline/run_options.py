"""Options of the commands that train and score: one object from the command line to the workers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.errors import HarnessError

SizeName = Literal["small", "reference", "full"]
DeviceName = Literal["auto", "cpu", "cuda"]
FleetSize = int | Literal["auto"]
ModeName = Literal["auto", "loop", "channels_last", "graph", "fleet", "compiled", "compiled_graph"]
PrecisionName = Literal["float32", "bf16"]
Executor = Literal["local", "processes", "ray"]
ExecutorName = Literal["auto", "local", "processes", "ray"]


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of a suite.

    Attributes:
        index: its number, from 1.
        total: the number of shards.
    """

    index: int
    total: int

    def __str__(self) -> str:
        return f"{self.index}/{self.total}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Options of `gapbench run`, `train` or `score`; see their --help.

    Attributes:
        suite: name of the suite, or a Python file that defines one.
        size: of the suite.
        out: the zoo's directory; see `folder` for the default.
        device: where to compute; a plan replaces "auto".
        fleet: networks of one shape trained at once, or "auto".
        mode: training engine, or "auto".
        precision: of the matrix products of training.
        executor: where tasks run.
        workers: number of workers; None for one a core, or for what the Ray cluster has.
        gpus_per_worker: share of a GPU for each worker on Ray.
        time_limit: seconds without a result after which a worker is ended; None for a day.
        limit: number of recipes to keep; None for all of them.
        shard: the part of the recipes to keep, after the limit; None for the whole.
        dataset: image set that replaces that of every recipe; None for none.
        data_dir: folder of data sets.
        measures: comma-separated names, "core" or "all"; None for those of the suite.
        plugin: Python file that defines more measures.
        retraining: whether "all" includes the measures that train networks.
        layers: whether to store the contribution of each layer to a score.
        secret_seed: file whose content draws seeds and levels; None for a public zoo.
    """

    suite: str = "digits"
    size: SizeName = "small"
    out: Path | None = None
    device: DeviceName = "auto"
    fleet: FleetSize = "auto"
    mode: ModeName = "auto"
    precision: PrecisionName = "float32"
    executor: ExecutorName = "auto"
    workers: int | None = None
    gpus_per_worker: float = 1.0
    time_limit: float | None = None
    limit: int | None = None
    shard: Shard | None = None
    dataset: str | None = None
    data_dir: Path | None = None
    measures: str | None = None
    plugin: Path | None = None
    retraining: bool = False
    layers: bool = False
    secret_seed: Path | None = None

    @property
    def suite_and_size(self) -> str:
        """Name of the suite with its size, such as jiang-full; the small size has no suffix, a file no folder."""
        name = Path(self.suite).stem if self.suite.endswith(".py") else self.suite
        return name if self.size == "small" else f"{name}-{self.size}"

    @property
    def folder(self) -> Path:
        """The zoo's directory: `out`, or one below runs/ that is named after what is trained."""
        held_out = "held-out" if self.secret_seed else None
        shard = f"shard-{self.shard.index}-of-{self.shard.total}" if self.shard else None
        return self.out or Path("runs") / "-".join(filter(None, (self.suite_and_size, self.dataset, held_out, shard)))


def parse_fleet(text: str) -> FleetSize:
    """Read the value of --fleet.

    Raises:
        HarnessError: neither "auto" nor a number from 1.
    """
    if text == "auto":
        return "auto"
    if not text.isdecimal() or int(text) == 0:
        raise HarnessError(f"--fleet must be auto or a number from 1; got {text!r}.")
    return int(text)


def parse_shard(text: str | None) -> Shard | None:
    """Read the value of --shard; None for the whole suite.

    Raises:
        HarnessError: it is not I/N with 1 <= I <= N.
    """
    if text is None:
        return None
    index, slash, total = text.partition("/")
    if not (slash and index.isdecimal() and total.isdecimal() and 1 <= int(index) <= int(total)):
        raise HarnessError(f"--shard must be I/N, shard I of N, from 1/N to N/N, such as 2/3; got {text!r}.")
    return Shard(int(index), int(total))
