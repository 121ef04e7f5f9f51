"""Training engines by name, and which of them a device offers."""

from typing import Final, Literal, get_args

import torch
from torch import nn

from zoo.errors import EngineError
from zoo.training.engines.compiled_fleet import SteadyFleet, cuda_graph
from zoo.training.engines.plain_loop import PlainLoop
from zoo.training.engines.precision import Precision
from zoo.training.engines.stacked_fleet import Fleet, Kind, StackedFleet

Mode = Literal["loop", "channels_last", "graph", "fleet", "compiled", "compiled_graph"]

MODES: Final[dict[Mode, str]] = {
    "loop": "one network at a time, with torch.optim",
    "channels_last": "the loop with images and filters in memory pixel by pixel; for networks with convolutions",
    "graph": "a fleet of any size, one too, whose step is recorded as a CUDA graph and replayed; on a GPU",
    "fleet": "networks stacked, evaluated in one vmapped call",
    "compiled": "a fleet whose forward and backward pass and update torch.compile has fused",
    "compiled_graph": "both: compiled, then recorded; on a GPU",
}
LOOPS: Final[frozenset[Mode]] = frozenset({"loop", "channels_last"})  # one network at a time
COMPILED: Final[frozenset[Mode]] = frozenset({"compiled", "compiled_graph"})
RECORDED: Final[dict[Mode, Mode]] = {"graph": "fleet", "compiled_graph": "compiled"}  # and what each is unrecorded
BACKEND: Final = "inductor"


def offered(device: torch.device) -> tuple[Mode, ...]:
    """The modes that a timing may choose from on a device.

    On a CPU no compiled ones: of mlp, nin, resnet and vit in fleets of 8 only vit gained (1.7 times), and each size
    took up to two minutes to compile.
    """
    return get_args(Mode) if device.type == "cuda" else ("loop", "channels_last", "fleet")


def differs(mode: Mode, network: nn.Module) -> bool:
    """Whether a mode trains a network otherwise than the others: without convolutions "channels_last" is the loop."""
    return mode != "channels_last" or any(isinstance(module, nn.Conv2d) for module in network.modules())


def require_mode(mode: Mode, device: torch.device, size: int | None) -> None:
    """Refuse a mode that a device does not have, or a size that a mode does not have; None for a size to be chosen.

    Raises:
        EngineError: either.
    """
    if mode in RECORDED and device.type != "cuda":
        others = ", ".join(name for name in MODES if name not in RECORDED)
        raise EngineError(f"mode {mode} needs a GPU, since it records CUDA graphs; got {device.type}. Use {others}.")
    if mode in LOOPS and size not in (None, 1):
        raise EngineError(f"mode {mode} must have a fleet of 1; got {size}. Use mode fleet, or leave one of them out.")


def engine_of(mode: Mode, size: int, network: nn.Module, optimizer: Kind, precision: Precision) -> Fleet:
    """Build an engine for `size` members of an architecture; a stacked fleet of one is the loop."""
    if mode in LOOPS or (mode == "fleet" and size == 1):
        return PlainLoop(network, optimizer, precision, channels_last=mode == "channels_last")
    if mode == "fleet":
        return StackedFleet(network, optimizer, precision)
    return SteadyFleet(
        network,
        optimizer,
        precision,
        backend=BACKEND if mode in COMPILED else None,
        recorder=cuda_graph if mode in RECORDED else None,
    )
