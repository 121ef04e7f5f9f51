"""Score one network with many measures: every failure stays in its own cell."""

import math
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import FunctionType

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from measures.api import Measure, Subject, UnsupportedModelError
from measures.cost_estimates import CostEstimate, estimate_cost
from measures.errors import NonFiniteScoreError, NotANumberError, UndeclaredNeedError
from measures.passes.activations.outputs import logits
from measures.per_layer import Layered
from measures.progress_bar import open_bar
from measures.registry import expand, select, with_plugins
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
    budget: float | None = None,
    progress: bool | None = None,
) -> Scores:
    """Score any network.

    A measure that fails or has no meaning here takes no other down. Interrupted from the keyboard, it returns what it
    has; the measures that are missing have the outcome "timeout".

    Args:
        model: a classifier, inputs [n, ...] to logits [n, k]; it is copied and left untouched.
        inputs: its training inputs [n, c, h, w], normalised as it expects them; or batches of (inputs, labels), such
            as a DataLoader that ends.
        labels: the labels [n] that it was trained on; not with batches.
        init_state: its `state_dict` at initialization, for distances from there.
        names: which measures: names, also in one text with commas, or functions under @measure; "core" for some of each
            kind; a family such as "margin" for all of it; all of the catalogue if None.
        twin: a second network of the same recipe, for disagreement.
        unlabeled: test inputs [m, c, h, w] without labels, for disagreement.
        trajectory: checkpoints and losses along its training.
        refit: trains networks by its recipe on other data.
        seed: decides every draw.
        time_limit: seconds for one measure; none if None.
        budget: seconds for all of them; those of the least expected cost come first. None for no limit.
        progress: show a bar with the expected and the remaining time; where None, on a terminal and in a notebook.

    Returns:
        A `Score` for each name, printed as a table; `to_frame` makes a pandas.DataFrame of it.

    Raises:
        UnknownMeasureError: a name that is not in the catalogue.
        InvalidSubjectError: inputs, labels and network that do not fit together.

    Example:
        >>> scores = score(model, inputs, labels, init_state=state_at_init, names=["fro_dist", "hess_trace"])
        >>> scores["fro_dist"].value
    """
    chosen = choose(names)
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
    return _score_within(budget, subject, chosen, time_limit, progress=progress)


def estimate(
    model: nn.Module,
    inputs: Tensor | Iterable[tuple[Tensor, Tensor]],
    labels: Tensor | None = None,
    *,
    names: str | Iterable[str | Measure] | None = None,
) -> CostEstimate:
    """Estimate the seconds that `score` would take on a network, from one timed pass.

    Args:
        model: as for `score`.
        inputs: as for `score`.
        labels: as for `score`.
        names: as for `score`; measures that need more than the network and its data count as free, since they are left
            out without it.

    Raises:
        UnknownMeasureError: a name that is not in the catalogue.
        InvalidSubjectError: inputs, labels and network that do not fit together.
    """
    x, y = join_batches(inputs) if labels is None else (inputs, labels)
    return estimate_cost(Subject(model, x, y), choose(names))  # type: ignore[arg-type]  # as in score


def choose(names: str | Iterable[str | Measure] | None) -> list[Measure]:
    """The measures that names stand for, each once, in the order given; see `score`.

    Raises:
        UnknownMeasureError: a name that is not in the catalogue.
    """
    known = with_plugins()
    if names is None:
        return list(known.values())
    chosen = select(expand(names, known), known)
    return list({measure.name: measure for measure in chosen}.values())


def _score_within(
    budget: float | None, subject: Subject, chosen: list[Measure], time_limit: float | None, *, progress: bool | None
) -> Scores:
    """Score a subject, with a bar, until the budget is spent or the user interrupts."""
    ends = math.inf if budget is None else time.perf_counter() + budget
    with numerics():
        cost = estimate_cost(subject, chosen)
    ordered = chosen if budget is None else sorted(chosen, key=lambda m: cost.alone.get(m.name, math.inf))
    found: dict[str, Score] = {}
    why = f"The budget of {budget:g} s was spent before it began." if budget is not None else ""
    try:
        with open_bar(cost, shown=progress) as bar:
            for measure in ordered:
                left = ends - time.perf_counter()
                if left <= 0:
                    break
                bar.start(measure.name)
                limit = min(left, math.inf if time_limit is None else time_limit)
                found |= score_subject(subject, [measure], time_limit=None if math.isinf(limit) else limit)
                bar.finish(measure.name)
    except KeyboardInterrupt:
        why = "It was interrupted before it was scored."
    missing = {m.name: Score(None, "timeout", 0.0, m.version, why) for m in chosen if m.name not in found}
    return Scores({measure.name: (found | missing)[measure.name] for measure in chosen})


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
    start = time.perf_counter()
    try:
        with interrupt_after(time_limit):
            value, usage = measure.evaluate(subject)
    except UnsupportedModelError as reason:
        return Score(None, "unsupported", 0.0, measure.version, str(reason))
    except TimeLimitError as limit:
        late = str(limit) or f"It ran longer than {time_limit:g} s."
        return Score(None, "timeout", time.perf_counter() - start, measure.version, late)
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
