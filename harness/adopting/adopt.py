"""Make a zoo of networks that were trained elsewhere."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from harness.adopting.checkpoints import load_weights, read_state
from harness.adopting.data import AdoptedData, Examples, load_data
from harness.adopting.errors import AdoptError
from harness.adopting.factories import build_network
from harness.adopting.table import Row
from harness.adopting.user_code import hash_of_code, hash_of_file, is_user_code, takes
from harness.store.adopted import AdoptedNetwork, Cell, DataSource
from harness.store.provenance import provenance
from harness.store.store import Store
from harness.store.weights import PackedRun, pack_states
from measures.errors import MeasuresError
from measures.subject_checks import check_network
from zoo.errors import ZooError
from zoo.training.record import Record, Snapshot

CHUNK: Final = 256  # examples a forward pass
TOLERANCE: Final = 0.02  # by which a stated accuracy may differ from the measured one


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptOptions:
    """Options of `gapbench adopt` that hold for all rows; see its --help.

    Attributes:
        model: FILE.py:FUNCTION or LIBRARY:NAME; empty where the table names one in each row.
        data: name of a data set, its folder, or FILE.py:FUNCTION; empty where the table names it in each row.
        data_dir: folder of data sets.
        mean, std: by channel, in grey levels of 255; None for those of the training images.
        train_rows: START:STOP of the training examples; empty for all.
        examples: training examples that measures see; None for all.
        halved: whether measures see one half of the test inputs without labels.
        device: where accuracies are measured.
    """

    model: str
    data: str
    data_dir: Path | None
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    train_rows: str
    examples: int | None
    halved: bool
    device: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A network that cannot be adopted, and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Cross-entropy in nats, None where it is not finite, and accuracy."""

    loss: float | None
    accuracy: float


def adopt(rows: Sequence[Row], options: AdoptOptions, store: Store) -> Iterator[str | Refused]:
    """Write each network of a table that the store lacks or holds otherwise; yields its name, or the refusal."""
    stored = {run_id: run.origin for run_id, run in store.runs().items()}
    by_name = {row.name: row for row in rows}
    owners: dict[str, str] = {}
    for row in rows:
        try:
            network = describe(row, options)
            _require_first(owners.setdefault(network.sha256, row.name), row)
            if row.twin:
                _require_same_recipe(row, by_name[row.twin])
            if stored.get(row.name) != network:
                store.add_run(pack_network(row, network, options.device))
        except (AdoptError, ZooError, MeasuresError) as error:
            yield Refused(row.name, str(error))
        else:
            yield row.name


def _require_first(owner: str, row: Row) -> None:
    if owner != row.name:
        raise AdoptError(f"its checkpoint holds the weights of {owner}. Delete one of the rows.")


def _require_same_recipe(row: Row, twin: Row) -> None:
    mine, other = ({"model": one.model, **one.arguments, **one.hyperparameters} for one in (row, twin))
    if mine != other:
        name = next(name for name in {**mine, **other} if mine.get(name) != other.get(name))
        raise AdoptError(
            f"its twin {twin.name} must differ from it in nothing but seed and weights; {name} is {mine.get(name)!r} "
            f"here and {other.get(name)!r} there."
        )


def describe(row: Row, options: AdoptOptions) -> AdoptedNetwork:
    """Make the record of a network, from its row and the hashes of the files that decide it.

    Raises:
        AdoptError: no model or data is named, or a file is not there.
    """
    model, data = row.model or options.model, row.data or options.data
    if not model:
        raise AdoptError("no model is named. Pass --model, or write it in the column model.")
    if not data:
        raise AdoptError("no data are named. Pass --data, or write them in the column data.")
    return AdoptedNetwork(
        name=row.name,
        model=_absolute(model),
        arguments=dict(row.arguments),
        hyperparameters=dict(row.hyperparameters) or {"model": Path(model.partition(":")[2]).name},
        seed=row.seed,
        twin=row.twin,
        data=_source(data, row, options),
        checkpoint=str(row.checkpoint.absolute()),
        sha256=hash_of_file(row.checkpoint),
        code_sha256=hash_of_code(model),
        learning_rates=row.learning_rates,
        batch_size=row.batch_size,
    )


def _source(data: str, row: Row, options: AdoptOptions) -> DataSource:
    folder = options.data_dir
    where = _absolute(data)
    arguments: dict[str, Cell] = {}
    if is_user_code(data):
        arguments = {k: v for k, v in row.hyperparameters.items() if v is not None and takes(data, k)}
    elif Path(data).is_dir():
        where, folder = Path(data).resolve().name, Path(data).resolve().parent
    return DataSource(
        where=where,
        folder=None if folder is None else str(folder.absolute()),
        mean=options.mean,
        std=options.std,
        rows=options.train_rows,
        halved=options.halved,
        examples=options.examples,
        arguments=arguments,
        sha256=hash_of_code(data),
    )


def _absolute(text: str) -> str:
    """FILE.py:FUNCTION with the absolute path of the file; other texts as they are."""
    where, separator, name = text.rpartition(":")
    return f"{Path(where).absolute()}{separator}{name}" if is_user_code(text) else text


def build(network: AdoptedNetwork, data: AdoptedData, state: Mapping[str, Tensor], owner: str) -> nn.Module:
    """Build a network and load weights into it.

    Raises:
        AdoptError: it cannot be built, or the weights do not fit.
    """
    model = build_network(network.model, network.arguments, network.hyperparameters, data.num_classes).eval()
    load_weights(model, state, owner)
    return model


def pack_network(row: Row, network: AdoptedNetwork, device: str) -> PackedRun:
    """Load a network with its weights at other times, measure its accuracies, and pack it for the store.

    Raises:
        AdoptError: something cannot be loaded or does not fit, or a stated accuracy is not the measured one.
        MeasuresError: the network cannot be scored; the message says why.
    """
    start = time.monotonic()
    data = load_data(network.data)
    model = build(network, data, read_state(row.checkpoint), str(row.checkpoint)).to(device)
    sample = data.as_seen(data.train.inputs[:CHUNK]).to(device)
    dtype = next(model.parameters()).dtype
    classes = check_network(model, sample.to(dtype) if sample.is_floating_point() else sample, dtype)
    if classes < data.num_classes:
        raise AdoptError(
            f"it has {classes} outputs, and the data have {data.num_classes} classes. Is it of another data set?"
        )
    train, test = (evaluate(model, data, half, device) for half in (data.train, data.test))
    _require_stated(row, {"train_accuracy": train.accuracy, "test_accuracy": test.accuracy})
    final = {name: value.detach().cpu() for name, value in model.state_dict().items()}
    initial = {} if row.initial is None else _state_of(network, data, row.initial)
    snapshots = [
        Snapshot(epoch, epoch * (row.steps or 0) // len(row.losses), _state_of(network, data, path))
        for epoch, path in enumerate(row.checkpoints, 1)
    ]
    record = Record(
        train_accuracy=train.accuracy,
        test_accuracy=test.accuracy,
        train_loss=train.loss,
        test_loss=test.loss,
        stopped="elsewhere",
        epochs=len(row.losses),
        steps=row.steps or 0,
        seconds=time.monotonic() - start,
        fleet=1,
        num_params=sum(p.numel() for p in model.parameters()),
        labels_changed=0.0,
        test_size=len(data.test.labels),
        device=device,
        losses=row.losses,
    )
    return pack_states(network, record, provenance(device), initial, final, snapshots)


def _state_of(network: AdoptedNetwork, data: AdoptedData, path: Path) -> dict[str, Tensor]:
    """The weights of a checkpoint under the names of the network."""
    return {k: v.detach() for k, v in build(network, data, read_state(path), str(path)).state_dict().items()}


def evaluate(model: nn.Module, data: AdoptedData, half: Examples, device: str) -> Evaluated:
    """Measure loss and accuracy of a network on one half of its data."""
    dtype, total, correct = next(model.parameters()).dtype, 0.0, 0
    with torch.no_grad():
        for x, y in zip(half.inputs.split(CHUNK), half.labels.split(CHUNK), strict=True):
            inputs = data.as_seen(x).to(device)
            logits = model(inputs.to(dtype) if inputs.is_floating_point() else inputs).float()
            total += float(cross_entropy(logits, y.to(device), reduction="sum"))
            correct += int((logits.argmax(1) == y.to(device)).sum())
    loss = total / len(half.labels)
    return Evaluated(loss if loss < float("inf") else None, correct / len(half.labels))


def _require_stated(row: Row, measured: Mapping[str, float]) -> None:
    """Refuse a stated accuracy that the data contradict."""
    for name, value in row.accuracies.items():
        if abs(value - measured[name]) > TOLERANCE:
            raise AdoptError(
                f"{name} is {value:g} in the table and {measured[name]:.4g} as measured. Are the inputs normalised "
                "as in training (--mean and --std, in grey levels of 255), and are the data the same? Correct the "
                "cell, or leave it empty."
            )
