"""Choice of the training engine and the fleet size of a shape by timing, which is remembered."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import torch

from zoo.training.engines.fleet_memory import out_of_memory
from zoo.training.engines.modes import COMPILED, LOOPS, Mode

Auto = Literal["auto"]

SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)  # what the timing tries
LARGEST_ON_CPU: Final = 32  # a core has no more to gain from more members
PATIENCE: Final = 2  # sizes in a row without a gain, after which no larger one is tried
GAIN: Final = 0.98  # of the best time; less is noise
REPAYS_COMPILING: Final = 300.0  # seconds of training, at the most epochs allowed; compiling takes one or two minutes

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine and how many networks it trains at once."""

    mode: Mode
    size: int

    def __str__(self) -> str:
        return f"{self.mode} {self.size}"


class Remembered(Protocol):
    """Earlier choices: a second training must choose as the first did, since rounding differs between engines."""

    def recall(self, question: str) -> Choice | None:
        """The choice of an earlier timing, or None."""

    def keep(self, question: str, choice: Choice, seconds: Mapping[str, float], absent: Mapping[str, str]) -> Choice:
        """Remember a choice with its timings and what was left out for which reason; an earlier answer stands."""


class Forgetful:
    """Remembers nothing."""

    def recall(self, question: str) -> Choice | None:  # noqa: ARG002  see `Remembered`
        """None."""
        return None

    def keep(self, question: str, choice: Choice, seconds: Mapping[str, float], absent: Mapping[str, str]) -> Choice:  # noqa: ARG002  see `Remembered`
        """The choice itself."""
        return choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Engines to choose from, and a function that times one.

    Attributes:
        networks: how many are to be trained.
        device: where.
        modes: what the device offers for these networks, see `zoo.training.engines.modes.offered`.
        mode, size: as asked for.
        largest: members that fit the device.
        steps: the most optimizer steps that a network may take.
        seconds: times a step of an engine of a size; may raise RuntimeError or OSError if it cannot start.
    """

    networks: int
    device: torch.device
    modes: tuple[Mode, ...]
    mode: Mode | Auto
    size: int | Auto
    largest: Callable[[], int]
    steps: int
    seconds: Callable[[Choice], float]


def decided(trial: Trial) -> Choice | None:
    """The only choice that the options leave; None if there are several."""
    asked = 1 if trial.mode in LOOPS or trial.networks == 1 else trial.size
    if asked == "auto":
        return None
    size = min(asked, trial.networks)
    if trial.mode != "auto":
        return Choice(trial.mode, size)
    left = _modes(trial.modes, size)
    return Choice(left[0], size) if len(left) == 1 else None


def timed(trial: Trial) -> tuple[Choice, dict[str, float], dict[str, str]]:
    """Time the engines: the one that would finish first, seconds of each for a step of all networks, and failures.

    All sizes are tried uncompiled. What is compiled takes the best of these sizes, and is tried where it was asked for
    or the training at hand is long enough to repay it.

    Raises:
        RuntimeError, OSError: nothing could start; the reason of the first.
    """
    clock = _Clock(trial)
    modes = trial.modes if trial.mode == "auto" else (trial.mode,)
    plain = [mode for mode in modes if mode not in COMPILED] or ["fleet"]
    since = 0
    largest = trial.largest()
    for size in _sizes(trial):
        if size > max(largest, 1):
            clock.absent[f"size {size}"] = f"An estimate lets {largest} fit the memory."
            break
        before = clock.least()
        gained = [clock.try_out(Choice(mode, size)) < GAIN * before for mode in _modes(plain, size)]
        since = 0 if any(gained) else since + 1
        if clock.full or since == PATIENCE:
            break
    if compiled := [mode for mode in modes if mode in COMPILED]:
        best = clock.best()
        if trial.mode == "auto" and clock.least() * trial.steps < REPAYS_COMPILING:
            clock.absent |= dict.fromkeys(compiled, "The training is too short to repay compiling.")
        else:
            for mode in compiled:
                clock.try_out(Choice(mode, best.size if best is not None else 1))
    if trial.mode != "auto":
        clock.only(trial.mode)
    found = clock.best()
    if found is None:
        raise clock.errors[0]
    return found, {str(choice): value for choice, value in clock.seconds.items()}, clock.absent


class _Clock:
    """Timings so far: seconds for one step of every network."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.seconds: dict[Choice, float] = {}
        self.absent: dict[str, str] = {}
        self.errors: list[Exception] = []
        self.full = False

    def try_out(self, choice: Choice) -> float:
        """Time an engine; infinite if it does not start."""
        try:
            a_step = self.trial.seconds(choice)
        except Exception as error:  # no compiler, no memory, a step that cannot be recorded
            if not isinstance(error, RuntimeError | OSError | MemoryError) and choice.mode not in COMPILED:
                raise  # only compilers raise other errors
            self.full = self.full or out_of_memory(error)
            self.absent[str(choice)] = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
            log.warning("%s is left out. %s", choice, self.absent[str(choice)])
            error.__cause__ = error.__context__ = None
            self.errors.append(error.with_traceback(None))  # all of which would hold the memory of the engine
            return math.inf
        self.seconds[choice] = a_step * math.ceil(self.trial.networks / choice.size)
        return self.seconds[choice]

    def least(self) -> float:
        """The least time so far."""
        return min(self.seconds.values(), default=math.inf)

    def best(self) -> Choice | None:
        """The fastest choice."""
        return min(self.seconds, key=self.seconds.__getitem__, default=None)

    def only(self, mode: Mode) -> None:
        """Drop timings of other modes, which only served to find a size."""
        self.seconds = {choice: value for choice, value in self.seconds.items() if choice.mode == mode}


def _sizes(trial: Trial) -> list[int]:
    """The sizes to try, the smallest first: of six networks 1, 2, 3 and 6, since a fleet of four leaves two over.

    On a GPU powers of two, which is what a recorded fleet has.
    """
    if trial.size != "auto":
        return [min(trial.size, trial.networks)]
    on_gpu = trial.device.type == "cuda"
    most = min(trial.networks, SIZES[-1] if on_gpu else LARGEST_ON_CPU)
    sizes = [*(size for size in SIZES if size < most), most]
    if on_gpu:
        return sizes
    rounds = (math.ceil(trial.networks / size) for size in sizes)
    return sorted({math.ceil(trial.networks / number) for number in rounds})


def _modes(modes: Sequence[Mode], size: int) -> list[Mode]:
    """Those that a size can have: a loop is a fleet of one, and a stacked fleet is not."""
    return [mode for mode in modes if mode in COMPILED or mode == "graph" or (mode in LOOPS) == (size == 1)]
