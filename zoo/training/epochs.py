"""Epochs of a fleet: training data on the device, batches of every member, and training losses."""

import dataclasses
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from zoo.corruptions.labels import resampled
from zoo.recipe import Recipe
from zoo.training.augmentation import augmented
from zoo.training.engines.stacked_fleet import Batch, Fleet
from zoo.training.gradient_rules import minibatch_weights
from zoo.training.member import Job, Run
from zoo.training.objectives import fit
from zoo.training.record import EVALUATION_CHUNK


class Epochs:
    """Training data of jobs of one shape on a device, and passes over it.

    Args:
        shape: what the jobs share.
        jobs: their data sets are kept, each distinct one once.
        device: where.
        dtype: of normalised images.
    """

    def __init__(self, shape: Recipe, jobs: Sequence[Job], device: torch.device, dtype: torch.dtype) -> None:
        self.shape, self.device, self.dtype = shape, device, dtype
        keys = [(id(job.data), id(job.targets)) for job in jobs]
        distinct = list(dict.fromkeys(keys))
        owners = [jobs[keys.index(key)] for key in distinct]
        self.pools = [job.data for job in owners]
        self._pool_of = {id(job): distinct.index(key) for job, key in zip(jobs, keys, strict=True)}
        self.images = torch.stack([pool.train_images for pool in self.pools]).to(device)  # uint8 if they can
        self.labels = torch.stack([pool.train_labels for pool in self.pools]).to(device)
        self.targets = None
        targets = [job.targets for job in owners if job.targets is not None]
        if targets:
            self.targets = torch.stack(targets).to(device, dtype)
        self.mean, self.std = (
            torch.stack([getattr(pool, name) for pool in self.pools])[:, None, :, None, None].to(device, dtype)
            for name in ("mean", "std")
        )
        self.steps = len(self.labels[0]) // shape.batch_size

    def pool_of(self, job: Job) -> int:
        """Index in `pools` of the data set of a job."""
        return self._pool_of[id(job)]

    def first_batch(self) -> Tensor:
        """Normalised inputs [b, c, h, w] of the first batch of the first data set, to estimate memory with."""
        first = torch.zeros(1, 1, dtype=torch.int64, device=self.device)
        return self._inputs(first, slice(self.shape.batch_size))[0]

    def batches(self, engine: Fleet, runs: Sequence[Run]) -> Iterator[Batch]:
        """Batches of one epoch; every member has its own order of examples."""
        pools = torch.tensor([run.pool for run in runs], device=self.device).unsqueeze(1)
        order = torch.stack([run.order.next() for run in runs]).to(self.device)
        rates = torch.tensor([run.recipe.label_resampling for run in runs])
        kinds = [run.recipe.augmentation for run in runs]
        for chosen in order.split(self.shape.batch_size, dim=1)[: self.steps]:
            labels = self.labels[pools, chosen]
            if rates.any():
                labels = resampled(labels, rates, self.pools[0].num_classes, [run.labels for run in runs])
            inputs = augmented(self._inputs(pools, chosen), kinds, [run.augmentation for run in runs])
            targets = None if self.targets is None else self.targets[pools, chosen]
            batch = Batch(inputs=inputs, labels=labels, targets=targets, weights=self._weights(runs))
            if self.shape.adversarial_radius:
                radius = self.shape.adversarial_radius / self.std[pools.squeeze(1)]
                moved = engine.attacked(batch, radius, self.shape.adversarial_steps)
                batch = dataclasses.replace(batch, inputs=moved)
            yield batch

    def _weights(self, runs: Sequence[Run]) -> Tensor | None:
        """Weights [f, b] of the examples of a step under noise of minibatches, drawn for each; None without such."""
        if not any(run.recipe.noise_batch for run in runs):
            return None
        return torch.stack([minibatch_weights(self.shape.batch_size, run.recipe, run.noise) for run in runs]).to(
            self.dtype
        )

    def pass_once(self, engine: Fleet, runs: Sequence[Run]) -> list[float]:
        """Train for one epoch; returns the mean minibatch loss of each member."""
        engine.set_rates([run.rate for run in runs])
        total = torch.zeros(len(runs), device=self.device)
        for batch in self.batches(engine, runs):
            total += engine.step(batch)
        losses = [float(loss) / self.steps for loss in total]
        for run, loss in zip(runs, losses, strict=True):
            run.epochs += 1
            run.clock += 1
            run.losses.append(loss)
        return losses

    def train_losses(self, engine: Fleet, runs: Sequence[Run], members: Sequence[int]) -> list[float]:
        """Training loss of some members, as indices into `runs`, in eval mode, without penalties."""
        pools = torch.tensor([runs[index].pool for index in members], device=self.device).unsqueeze(1)
        total = torch.zeros(len(members), dtype=torch.float64, device=self.device)
        for start in range(0, self.labels.shape[1], EVALUATION_CHUNK):
            chunk = slice(start, start + EVALUATION_CHUNK)
            labels = self.labels[pools.squeeze(1), chunk]
            total += fit(engine.logits(members, self._inputs(pools, chunk)), labels, self.shape.loss).sum(1)
        return [float(loss) / self.labels.shape[1] for loss in total]

    def _inputs(self, pools: Tensor, chosen: Tensor | slice) -> Tensor:
        """Normalised training inputs [f, b, c, h, w] of some pools [f, 1] at some indices [f, b]."""
        rows = pools.squeeze(1)
        images = self.images[rows, chosen] if isinstance(chosen, slice) else self.images[pools, chosen]
        return (images.to(self.dtype) - self.mean[rows]) / self.std[rows]
