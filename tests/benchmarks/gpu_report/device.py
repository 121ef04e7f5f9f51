"""Measure the limits of a device, and find the bottleneck of a training step."""

import operator
import time
from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch._C._autograd import DeviceType
from torch.nn import functional
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from zoo.training.engines.precision import Precision

ROUNDS: Final = 5
PROFILED_STEPS: Final = 5
BUSY: Final = 0.7  # share of the time below which a device waits for its next kernel more than it works
NEAR_PEAK: Final = 0.3  # of the peak; matrix products that are that near to it are what the time goes to


def waited(device: torch.device) -> float:
    """The clock, once the device has done all that was asked of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def peak_flops(device: torch.device, precision: Precision, side: int) -> float:
    """Floating-point operations a second of a large square matrix product, the best of several."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    best = float("inf")
    for _ in range(ROUNDS + 1):
        start = waited(device)
        a @ b
        best = min(best, waited(device) - start)
    return 2 * side**3 / best


def copied_bytes(device: torch.device, count: int) -> float:
    """Bytes a second, read and written, of a copy of `count` bytes on the device, the best of several."""
    source = torch.zeros(count, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    best = float("inf")
    for _ in range(ROUNDS + 1):
        start = waited(device)
        target.copy_(source)
        best = min(best, waited(device) - start)
    return 2 * count / best


def step_flops(network: nn.Module, inputs: Tensor) -> int:
    """Operations of a forward and backward pass on a batch [b, c, h, w]."""
    with FlopCounterMode(display=False) as counter:
        logits = network(inputs)
        functional.cross_entropy(logits, torch.zeros(len(inputs), dtype=torch.int64, device=inputs.device)).backward()
    network.zero_grad()
    return int(counter.get_total_flops())


def bound(step: Callable[[], object], device: torch.device, share_of_peak: float) -> dict[str, Any]:
    """What a step spends its time on: kernels a step, the share of the time in which the device works, and a verdict.

    The time is that of steps without the profiler, the work that of the same steps under it.
    """
    step()
    start = waited(device)
    for _ in range(PROFILED_STEPS):
        step()
    seconds = (waited(device) - start) / PROFILED_STEPS
    on_gpu = device.type == "cuda"
    with profile(
        activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU] if on_gpu else [ProfilerActivity.CPU]
    ) as seen:
        for _ in range(PROFILED_STEPS):
            step()
        waited(device)
    rows = [row for row in seen.key_averages() if not on_gpu or row.device_type == DeviceType.CUDA]
    of = operator.attrgetter("self_device_time_total" if on_gpu else "self_cpu_time_total")  # microseconds
    rows.sort(key=of, reverse=True)
    work = sum(map(of, rows)) / 1e6 / PROFILED_STEPS
    kernels = sum(row.count for row in rows) / PROFILED_STEPS
    busy = min(1.0, work / seconds)
    return {
        "seconds_a_step": seconds,
        "kernels_a_step": kernels,
        "microseconds_a_kernel": 1e6 * seconds / max(kernels, 1),
        "busy": busy,
        "bound_by": _verdict(busy, share_of_peak) if on_gpu else "the processor: operators and their arithmetic",
        "most_time": [
            {
                "kernel": row.key[:80],
                "share": of(row) / 1e6 / PROFILED_STEPS / max(work, 1e-12),
                "calls": row.count // PROFILED_STEPS,
            }
            for row in rows[:6]
        ],
    }


def _verdict(busy: float, share_of_peak: float) -> str:
    if busy < BUSY:
        return "launches: the device waits for its next kernel"
    if share_of_peak < NEAR_PEAK:
        return "memory and small kernels: the device is busy, and far from the peak of its matrix units"
    return "matrix products"
