"""Score one network with many measures: every failure stays in its own cell."""

import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import FunctionType

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from measures.api import Measure, Subject, UnsupportedModelError
from measures.errors import NonFiniteScoreError, NotANumberError, UndeclaredNeedError
from measures.passes.activations.outputs import logits
from measures.per_layer import Layered
from measures.registry import CORE, select, with_plugins
from measures.scores import Failure, Score, Scores, join_batches
from measures.subject_checks import autocast_disabled
from measures.time_limit import TimeLimitError
from measures.time_limit import time_limit as interrupt_after
from measures.training_history import Refit, Trajectory


def score(
    model: nn.Module,
    inputs: Tensor | Iterable[tuple[Tensor, Tensor]],
    labels: Tensor | None = None,
    *,
    init_state: Mapping[str, Tensor] | None = None,
    names: str | Iterable[str | Measure] | None = None,
    twin: nn.Module | None = None,
    unlabeled: Tensor | None = None,
    trajectory: Trajectory | None = None,
    refit: Refit | None = None,
    seed: int = 0,
    time_limit: float | None = None,
) -> Scores:
    """Score any network.

    Args:
        model: a classifier, inputs [n, ...] to logits [n, k]; it is copied and left untouched.
        inputs: its training inputs [n, c, h, w], normalised as it expects them; or batches of (inputs, labels), such
            as a DataLoader that ends.
        labels: the labels [n] that it was trained on; not with batches.
        init_state: its `state_dict` at initialization, for distances from there.
        names: which measures: names, also in one text with commas, or functions under @measure; "core" for some of each
            kind; all of the catalogue if None.
        twin: a second network of the same recipe, for disagreement.
        unlabeled: test inputs [m, c, h, w] without labels, for disagreement.
        trajectory: checkpoints and losses along its training.
        refit: trains networks by its recipe on other data.
        seed: decides every draw.
        time_limit: seconds for one measure; none if None.

    Returns:
        A `Score` for each name, printed as a table: a measure that fails or has no meaning here takes no other down.

    Raises:
        UnknownMeasureError: a name that is not in the catalogue.
        InvalidSubjectError: inputs, labels and network that do not fit together.

    Example:
        >>> scores = score(model, inputs, labels, init_state=state_at_init, names=["fro_dist", "hess_trace"])
        >>> scores["fro_dist"].value
    """
    known = with_plugins()
    chosen = list(known.values()) if names is None else select(_split(names), known)
    x, y = join_batches(inputs) if labels is None else (inputs, labels)
    subject = Subject(
        model,
        x,  # type: ignore[arg-type]  # Subject refuses what is no tensor
        y,
        init_state=init_state,
        twin=twin,
        unlabeled=unlabeled,
        trajectory=trajectory,
        refit=refit,
        seed=seed,
    )
    return Scores(score_subject(subject, chosen, time_limit=time_limit))


def _split(names: str | Iterable[str | Measure]) -> Iterator[str | Measure]:
    """Names of a text with commas, and "core" as the names that it stands for."""
    for name in names.split(",") if isinstance(names, str) else names:
        if isinstance(name, Measure):
            yield name
        else:
            yield from CORE if name.strip() == "core" else (name.strip(),)


def score_subject(subject: Subject, chosen: Iterable[Measure], *, time_limit: float | None = None) -> dict[str, Score]:
    """Score a subject with these measures; see `score`."""
    with numerics():
        return {measure.name: _score_one(measure, subject, time_limit) for measure in chosen}


@contextmanager
def numerics() -> Iterator[None]:
    """Score in full float32 with gradients and twice differentiable attention, whatever modes the caller has set."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    dtype = torch.get_default_dtype()
    with ExitStack() as stack:
        stack.enter_context(torch.enable_grad())
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        stack.enter_context(autocast_disabled())
        stack.callback(torch.set_default_dtype, dtype)
        torch.set_default_dtype(torch.float32)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        try:
            yield
        finally:
            torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def _score_one(measure: Measure, subject: Subject, time_limit: float | None) -> Score:
    try:
        with interrupt_after(time_limit):
            value, usage = measure.evaluate(subject)
    except UnsupportedModelError as reason:
        return Score(None, "unsupported", 0.0, measure.version, str(reason))
    except TimeLimitError:
        return Score(None, "timeout", float(time_limit or 0), measure.version, f"It ran longer than {time_limit:g} s.")
    except Exception as error:  # noqa: BLE001  the one place where a measure may fail without taking the others down
        trace = traceback.format_exc()
        if diverged := _divergence(subject):
            return Score(None, "unsupported", 0.0, measure.version, diverged)
        return Score(None, "failed", 0.0, measure.version, trace, failure=_failure_of(error, measure))
    layers = value.layers if isinstance(value, Layered) else {}
    return Score(float(value), "scored", usage.seconds, measure.version, "", usage.passes, layers)


def _failure_of(error: Exception, measure: Measure) -> Failure:
    file = measure.compute.__code__.co_filename if isinstance(measure.compute, FunctionType) else None
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    line = lines[-1] if lines else None
    message = traceback.format_exception_only(error)[-1].strip()
    match error:
        case NonFiniteScoreError():
            return Failure("not finite", str(error))
        case UndeclaredNeedError():
            return Failure("undeclared need", str(error))
        case NotANumberError():
            return Failure("not a number", str(error))
        case OSError() if error.filename is not None:
            return Failure("file", message, line)
        case _:
            return Failure("error", message, line)


def _divergence(subject: Subject) -> str:
    """The reason if the logits of the network are not finite, so that no measure can be scored; empty otherwise."""
    try:
        logits(subject)
    except UnsupportedModelError as reason:
        return str(reason)
    except Exception:  # noqa: BLE001  what the measure has failed of says more
        return ""
    return ""
