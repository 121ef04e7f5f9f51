"""Process that runs measures of plug-ins: it imports torch once and forks for each request.

The first process is trusted: it takes requests, forks, and removes what a request left behind. The fork gives up its
rights before it loads the submitted code. The inputs of each turn arrive after the previous turn has been answered.
Results are lines of JSON.
"""

import gc
import importlib
import json
import os
import pkgutil
import random
import resource
import shutil
import signal
import socket
import struct
import sys
import time
import traceback
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from select import select as waiting_for
from typing import Any, Final, Literal, NoReturn, TypedDict, cast

import numpy as np
import torch
from torch import Tensor

import measures.api
import measures.catalogue
from harness.sandbox.confinement import code_folders, confine
from harness.sandbox.retraining import RefitElsewhere
from measures import Subject
from measures.api import Measure
from measures.errors import MeasureDefinitionError, MeasuresError
from measures.registry import from_file, measures_of, select
from measures.scores import Failure
from measures.scoring import score_subject
from zoo.models.timm_names import timm_library

RUN, KILL, TURN = b"R", b"K", b"T"
ENDED: Final = struct.Struct("i")  # the exit status of a fork, as `os.waitpid` returns it
GLANCE: Final = 0.002  # seconds between two polls of a fork
LONGEST_WHY: Final = 20_000  # characters
LONGEST_PRINT: Final = 400  # characters that are kept of what a measure prints
PRINTED: Final = "printed"  # file of the scratch folder
FIRST_PROCESS: Final = 1
SAME: Final = {"model", "inputs", "labels", "seed"}  # parts that shared results depend on


class Request(TypedDict):
    """Header of a request; `scores` is whether turns follow."""

    kind: Literal["file", "module"]
    where: str
    content: bytes
    scores: bool
    threads: int
    time_limit: float
    chunk: int | None
    memory: int
    processor_seconds: int


class SentTurn(TypedDict):
    """Names of the measures of a turn, and the parts that differ from those of the previous turn."""

    names: tuple[str, ...]
    parts: dict[str, object]


def main() -> None:
    """Serve requests on the socket that is standard input, until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)  # threads do not survive a fork
    for found in pkgutil.walk_packages(measures.catalogue.__path__, "measures.catalogue."):
        if not found.ispkg:
            importlib.import_module(found.name)
    timm_library()
    code_folders()  # cached for the forks
    control, scratch = socket.socket(fileno=os.dup(0)), Path(sys.argv[1])
    gc.collect()
    gc.freeze()  # so that forks share these pages
    control.sendall(RUN)
    with suppress(ConnectionError):
        _serve(control, scratch)


def _serve(control: socket.socket, scratch: Path) -> None:
    number = 0
    while True:
        order, given, _, _ = socket.recv_fds(control, 1, 3)
        if not order:
            return
        if order != RUN:
            continue  # an order to end a fork that has already ended
        number += 1
        folder = scratch / f"request-{number}"
        folder.mkdir()
        child = os.fork()
        if child == 0:
            control.close()
            _run_fork(folder, *given)
        for descriptor in given:
            os.close(descriptor)
        status = _wait(control, child)
        _sweep(child)
        shutil.rmtree(folder, ignore_errors=True)
        if status is None:
            return
        control.sendall(ENDED.pack(status))


def _wait(control: socket.socket, child: int) -> int | None:
    """Wait for a fork and return its exit status. Kill it on order, or if the parent is gone: then return None."""
    orphaned = False
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return None if orphaned else status
        if orphaned:
            time.sleep(GLANCE)
        elif waiting_for([control], [], [], GLANCE)[0]:
            orphaned = control.recv(1) != KILL
            os.kill(child, signal.SIGKILL)


def _sweep(child: int) -> None:
    """Kill all that a fork started: the first process of a namespace kills all other processes."""
    with suppress(ProcessLookupError, PermissionError):
        if os.getpid() == FIRST_PROCESS:
            os.kill(-1, signal.SIGKILL)
        else:
            os.killpg(child, signal.SIGKILL)
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0] or os.getpid() == FIRST_PROCESS:
            pass


def _run_fork(scratch: Path, payload: int, results: int, exchange: int | None = None) -> NoReturn:
    """Run one request in a fork."""
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    printed = os.open(scratch / PRINTED, os.O_RDWR | os.O_CREAT)
    for descriptor in (1, 2):
        os.dup2(printed, descriptor)
    status, channel = 0, socket.socket(fileno=results)
    try:
        request = cast("Request", _read(payload))
        torch.set_num_threads(request["threads"])
        os.chdir(scratch)
        confine(scratch, memory=request["memory"], processor_seconds=request["processor_seconds"])
        for event in _handle(request, channel, exchange, scratch):
            channel.sendall(json.dumps(event).encode() + b"\n")
    except BaseException:  # noqa: BLE001  the process ends, whatever was raised
        status = 1
        with suppress(BaseException):
            channel.sendall(json.dumps({"stopped": traceback.format_exc()[-LONGEST_WHY:]}).encode() + b"\n")
    os._exit(status)


def _read(payload: int) -> object:
    with os.fdopen(payload, "rb") as file:
        return torch.load(file, weights_only=False)  # from the parent, which is trusted


def _handle(
    request: Request, channel: socket.socket, exchange: int | None, scratch: Path
) -> Iterator[dict[str, object]]:
    try:
        available = _load_measures(request, scratch)
    except MeasuresError as error:
        yield {"refused": str(error)}
        return
    if not request["scores"]:
        yield {"described": [_describe(measure) for measure in available.values()]}
        return
    if request["chunk"] is not None:  # never restored: this process runs one request
        measures.api.CHUNK = request["chunk"]  # type: ignore[misc]  # it is final elsewhere
        cast("Any", Subject.batches).__defaults__ = (None, request["chunk"])
    parts: dict[str, object] = {"refit": None if exchange is None else RefitElsewhere(channel, exchange)}
    subject: Subject | None = None
    memory = 0
    while given := socket.recv_fds(channel, 1, 1)[1]:
        turn = cast("SentTurn", _read(given[0]))
        parts |= turn["parts"]
        earlier = subject
        subject = Subject(**parts)  # type: ignore[arg-type]  # from `Parts`, outside
        if earlier is None:
            memory = _peak()
        elif not SAME & turn["parts"].keys():
            subject._cache = earlier._cache  # noqa: SLF001  the same network and data: what is computed once is known
        before = _state_of(subject)
        for measure in select(turn["names"], available):
            yield {"begun": measure.name}
            score = score_subject(subject, [measure], time_limit=request["time_limit"])[measure.name]
            yield {
                "name": measure.name,
                "value": score.value,
                "outcome": score.outcome,
                "seconds": score.seconds,
                "version": score.version,
                "why": score.why[-LONGEST_WHY:],
                "failure": score.failure and _sendable(score.failure),
                "passes": list(score.passes),
                "layers": dict(score.layers),
                "peak": _peak() - memory,
                "printed": _take_printed(),
            }
        after = _state_of(subject)
        yield {"end": sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))}


def _take_printed() -> str:
    """Return the beginning of what has been printed since the last call."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # a measure may have closed or replaced it
            stream.flush()
    text = os.pread(1, LONGEST_PRINT, 0).decode(errors="replace")
    os.ftruncate(1, 0)
    os.lseek(1, 0, os.SEEK_SET)
    return text


def _load_measures(request: Request, scratch: Path) -> dict[str, Measure]:
    """Import the file or module of a request and return its measures.

    Raises:
        MeasureDefinitionError: it does not run, or defines no measure.
    """
    if request["kind"] == "module":
        found = measures_of(importlib.import_module(request["where"]))
        if not found:
            raise MeasureDefinitionError(
                f"{request['where']} must define at least one function under @measure; it defines none."
            )
        return found
    path = scratch / Path(request["where"]).name
    path.write_bytes(request["content"])
    try:
        return from_file(path)
    except MeasureDefinitionError as error:
        raise MeasureDefinitionError(str(error).replace(str(path), request["where"])) from error


def _sendable(failure: Failure) -> list[object]:
    return [failure.kind, failure.message[-LONGEST_WHY:], failure.line]


def _describe(measure: Measure) -> dict[str, object]:
    said = {field.name: getattr(measure, field.name) for field in fields(measure) if field.name != "compute"}
    plain = {name: sorted(value) if isinstance(value, frozenset) else value for name, value in said.items()}
    return plain | {"doc": measure.compute.__doc__ or ""}


def _state_of(subject: Subject) -> dict[str, object]:
    """Return by name the state that no measure may change: checksums of tensors, and a few flags."""
    model = subject.model
    state: dict[str, object] = {f"parameter {name}": _checksum(value) for name, value in model.named_parameters()}
    state |= {f"params[{name!r}]": (id(value), value.data_ptr()) for name, value in subject.params.items()}
    state |= {f"buffer {name}": _checksum(value) for name, value in model.named_buffers()}
    state |= {"inputs": _checksum(subject.inputs), "labels": _checksum(subject.labels)}
    state["training mode"] = [module.training for module in model.modules()]
    state["gradients required"] = [value.requires_grad for value in model.parameters()]
    state["hooks"] = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()]  # noqa: SLF001
    state["random state"] = (
        _checksum(torch.get_rng_state()),
        str(np.random.get_state()),  # noqa: NPY002  the global generator is meant
        hash(random.getstate()),
    )
    return state


def _checksum(tensor: Tensor) -> tuple[torch.dtype, tuple[int, ...], int]:
    content = tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()
    return tensor.dtype, tuple(tensor.shape), zlib.crc32(content.data)


def _peak() -> int:
    """Return the peak memory of the process in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main()
