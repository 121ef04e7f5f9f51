"""Memory of a fleet: an estimate of how many networks fit a device, and recognition of out-of-memory errors."""

import gc
import math
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

SHARE: Final = 0.8  # of the free memory: the rest is for workspaces and fragments
STATE_COPIES: Final = 8  # weights, gradient, two moments, rates, decays, momenta, and one more while members change
ACTIVATION_COPIES: Final = 2  # what backward needs, and the gradients of it


def out_of_memory(error: BaseException) -> bool:
    """Whether an error, or one that it was raised from, says that a device is out of memory.

    torch has a type for GPUs and only a message for the CPU. Where the memory ends in a recording, the error is
    sometimes that of the recording, which could then not be ended either.
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    if isinstance(error, RuntimeError) and "can't allocate memory" in str(error):
        return True
    before = error.__cause__ or error.__context__
    return before is not None and out_of_memory(before)


def give_back(device: torch.device) -> None:
    """Return cached memory to a GPU, after a garbage collection, since a compiled engine and its step are a cycle."""
    if device.type == "cuda":
        gc.collect()
        torch.cuda.empty_cache()


def free_memory(device: torch.device) -> float:
    """Bytes that can be had, those among them that torch keeps for itself; infinite where the system does not say."""
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return float(torch.cuda.mem_get_info(device)[0] + kept)
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return math.inf
    kilobytes = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return float(kilobytes[0]) * 1024 if kilobytes else math.inf


def bytes_a_member(network: nn.Module, inputs: Tensor) -> int:
    """Estimated bytes of one network under training on a batch of inputs [b, c, h, w].

    Eight times its parameters and twice what a forward pass keeps for the backward pass, each storage counted once.
    """
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    own = {p.untyped_storage().data_ptr() for p in network.parameters()}
    network.eval()  # statistics of batch norm stay as they are
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logits = network(inputs)
        loss = functional.cross_entropy(logits.float(), logits.argmax(1))
    del loss  # until here it holds all that was kept: no address is given twice
    activations = sum(size for address, size in kept.items() if address not in own)
    parameters = sum(p.numel() * p.element_size() for p in network.parameters())
    return STATE_COPIES * parameters + ACTIVATION_COPIES * activations


def largest_fleet(network: nn.Module, inputs: Tensor) -> int:
    """Members that fit the free memory of their device by `bytes_a_member`; at least 1."""
    room = SHARE * free_memory(inputs.device)
    return max(1, int(min(room / bytes_a_member(network, inputs), 2**30)))
