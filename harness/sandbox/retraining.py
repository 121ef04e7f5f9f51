"""Retraining for sandboxed measures: a measure sends the data, and the network is trained outside.

The recipe stays outside. Images and labels come out as plain numbers, in a file that both sides hold, and are checked;
networks go in as an open file.
"""

import copy
import json
import math
import os
import socket
from collections.abc import Sequence
from typing import IO, Final, cast

import torch
from torch import Tensor

from measures.training_history import Refit, Refitted, Training

MAX_TRAININGS: Final = 64  # per call; the catalogue's measures share nine
NUM_SEEDS: Final = 1 << 31  # seeds of a recipe are below


class RefitElsewhere:
    """Inside of the sandbox: a `Refit` that sends its work to the process outside.

    Args:
        channel: for the request and the answer.
        exchange: descriptor of the file for the training data.
    """

    def __init__(self, channel: socket.socket, exchange: int) -> None:
        self._channel, self._exchange = channel, exchange

    def __call__(self, trainings: Sequence[Training]) -> list[Refitted]:
        """See `measures.training_history.Refit`.

        Raises:
            RuntimeError: the request was refused, or the training failed.
        """
        asked = []
        with os.fdopen(os.dup(self._exchange), "r+b") as file:
            file.seek(0)
            file.truncate()
            for training in trainings:
                for tensor, dtype in ((training.inputs, torch.float32), (training.labels, torch.int64)):
                    file.write(tensor.detach().to("cpu", dtype).contiguous().numpy().tobytes())
                asked.append({"shape": list(training.inputs.shape), "seed": training.seed})
        self._channel.sendall(json.dumps({"refit": asked}).encode() + b"\n")
        given = socket.recv_fds(self._channel, 1, 1)[1]
        if not given:
            raise RuntimeError("refit can only be called while the measure is scored.")
        with os.fdopen(given[0], "rb") as answer:
            fitted = torch.load(answer, weights_only=False)  # from the parent, which is trusted
        if isinstance(fitted, str):
            raise RuntimeError(fitted)  # noqa: TRY004  the reason, instead of the networks
        return cast("list[Refitted]", fitted)


class RefitOutside:
    """Outside of the sandbox: checks a request and trains.

    Args:
        refit: trains by the recipe.
        model: the network that is scored.
        inputs: its training inputs [n, c, h, w]; no training may have other shapes or more examples.
        exchange: the file for the training data.
    """

    def __init__(self, refit: Refit, model: torch.nn.Module, inputs: Tensor, exchange: IO[bytes]) -> None:
        self._refit, self._like, self._exchange = refit, inputs, exchange
        with torch.no_grad():
            self._num_classes = copy.deepcopy(model).eval()(inputs[:1]).shape[1]

    def answer(self, asked: object, into: IO[bytes]) -> None:
        """Write the networks, or the reason why there are none."""
        try:
            fitted: list[Refitted] | str = [_own(one) for one in self._refit(self._trainings(asked))]
        except Exception as error:  # noqa: BLE001  whatever was requested, only that score fails
            fitted = f"Retraining failed: {type(error).__name__}: {error}"
        torch.save(fitted, into)

    def _trainings(self, asked: object) -> list[Training]:
        if not isinstance(asked, list) or not 1 <= len(asked) <= MAX_TRAININGS:
            raise ValueError(f"a call must ask for 1 to {MAX_TRAININGS} trainings.")
        self._exchange.seek(0)
        return [self._training(**one) for one in asked]

    def _training(self, shape: object, seed: object) -> Training:
        most, *image = self._like.shape
        if not isinstance(shape, list) or shape[1:] != image or shape[0] not in range(1, most + 1):
            raise ValueError(f"inputs must have shape [1 to {most}, {', '.join(map(str, image))}]; got {shape}.")
        if seed is not None and (not isinstance(seed, int) or seed not in range(NUM_SEEDS)):
            raise ValueError(f"a seed must be None or a whole number from 0 to {NUM_SEEDS - 1}; got {seed!r}.")
        inputs = self._read(torch.float32, shape)
        labels = self._read(torch.int64, shape[:1])
        if not bool(inputs.isfinite().all()) or int(labels.min()) < 0 or int(labels.max()) >= self._num_classes:
            raise ValueError(f"inputs must be finite, and labels from 0 to {self._num_classes - 1}.")
        return Training(inputs=inputs, labels=labels, seed=seed)

    def _read(self, dtype: torch.dtype, shape: list[int]) -> Tensor:
        count = math.prod(shape)
        content = bytearray(self._exchange.read(count * dtype.itemsize))
        return torch.frombuffer(content, dtype=dtype, count=count).reshape(shape)


def _own(fitted: Refitted) -> Refitted:
    """Copy to the CPU, each tensor with separate memory."""
    return Refitted(
        params={name: value.detach().cpu().clone() for name, value in fitted.params.items()},
        buffers={name: value.detach().cpu().clone() for name, value in fitted.buffers.items()},
        losses=fitted.losses,
        steps_per_epoch=fitted.steps_per_epoch,
        converged=fitted.converged,
    )
