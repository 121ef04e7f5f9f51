"""Networks and data that measures were not made for: a score, or an outcome that says why; never a wrong number.

What the contract suite holds on ordinary networks is held here on strange ones: no second derivative, one example, one
class, silent units, constant answers, weights of zero, numbers beyond the range, half precision. Attention, batch norm
and single layers are of the contract suite; here they meet strange data.
"""

import copy
import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from measures.api import Need, Subject
from measures.registry import catalog
from measures.scoring import score_subject
from tests.measures.networks import NUM_CLASSES, network, trained
from tests.measures.strange_parts import AT_ONCE, Heated, Parts, heated, parts, scored


def rewritten(name: str, change: Callable[[str, Tensor], Any], dtype: torch.dtype = torch.float64) -> Parts:
    """A network whose parameters were changed in place."""
    model = copy.deepcopy(network(name).model).to(dtype)
    with torch.no_grad():
        for key, value in model.named_parameters():
            change(key, value)
    return parts(name, model=model)


def with_a_hidden_layer(activation: type[nn.Module]) -> Parts:
    """A trained network of one hidden layer with this nonlinearity."""
    data = network("mlp")

    def build() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), activation(), nn.Linear(8, NUM_CLASSES))

    model, init_state = trained(build, data.inputs, data.labels, seed=0)
    twin, _ = trained(build, data.inputs, data.labels, seed=1)
    return parts("mlp", model=model, init_state=init_state, twin=twin)


def few(name: str, chosen: Tensor | slice) -> Parts:
    """Some of the examples."""
    data = network(name)
    return parts(name, inputs=data.inputs[chosen], labels=data.labels[chosen])


def constant_answer(key: str, value: Tensor) -> None:
    """The last layer of the multilayer perceptron answers nothing but its bias, which favours class 3."""
    if key.startswith("5"):
        value.zero_()
    if key == "5.bias":
        value[3] = 1


def silent(key: str, value: Tensor) -> None:
    """No unit of the first hidden layer ever speaks."""
    if key == "1.bias":
        value.fill_(-1000)


def one_number() -> Parts:
    """A network of one number: its logits are ten pixels."""
    inner = nn.Sequential(nn.Flatten(), nn.AdaptiveAvgPool1d(NUM_CLASSES))
    return parts("mlp", model=Heated(inner), init_state=None, twin=None)


CASES: dict[str, Callable[[], Parts]] = {
    "hard sigmoid": lambda: with_a_hidden_layer(nn.Hardsigmoid),
    "hard swish": lambda: with_a_hidden_layer(nn.Hardswish),
    "hard tanh": lambda: with_a_hidden_layer(nn.Hardtanh),
    "one example": lambda: few("mlp", slice(1)),
    "one example, batch norm": lambda: few("conv_bn", slice(1)),
    "one example, attention": lambda: few("vit", slice(1)),
    "one example, one layer": lambda: few("linear", slice(1)),
    "two examples": lambda: few("residual", slice(2)),
    "one class": lambda: few("mlp", network("mlp").labels == 3),
    "one class, batch norm": lambda: few("conv_bn", network("conv_bn").labels == 3),
    "one label of another class": lambda: few("mlp", (network("mlp").labels == 3).index_fill(0, torch.tensor(0), True)),
    "equal examples": lambda: few("conv_bn", torch.zeros(12, dtype=torch.long)),
    "black images": lambda: parts("conv_bn", inputs=torch.zeros_like(network("conv_bn").inputs)),
    "every answer wrong": lambda: parts("mlp", labels=network("mlp").model(network("mlp").inputs).argmin(1)),
    "constant answer": lambda: rewritten("mlp", constant_answer),
    "silent units": lambda: rewritten("mlp", silent),
    "zero": lambda: rewritten("mlp", lambda _, value: value.zero_()),
    "zero, one layer": lambda: rewritten("linear", lambda _, value: value.zero_()),
    "zero, batch norm": lambda: rewritten("conv_bn", lambda _, value: value.zero_()),
    "tiny": lambda: rewritten("conv_bn", lambda _, value: value.mul_(1e-30), torch.float32),
    "large": lambda: rewritten("conv_bn", lambda _, value: value.mul_(1e4), torch.float32),
    "beyond the range": lambda: rewritten("mlp", lambda _, value: value.mul_(1e30), torch.float32),
    "float16": lambda: rewritten("mlp", lambda *_: None, torch.float16),
    "a parameter of one number": lambda: heated("mlp"),
    "no matrix": one_number,
    "untrained": lambda: parts("mlp", init_state=network("mlp").model.state_dict(), twin=network("mlp").model),
}


@pytest.mark.parametrize("case", CASES)
def test_every_measure_scores_or_says_why_not(case: str) -> None:
    """Finite, or unsupported with a reason; never failed."""
    subject = Subject(**CASES[case]())
    for measure, score in score_subject(subject, AT_ONCE).items():
        assert score.outcome in {"scored", "unsupported"}, f"{measure}: {score.why}"
        assert (score.value is not None and math.isfinite(score.value)) == (score.outcome == "scored"), measure
        assert (len(score.why) > 20) == (score.outcome == "unsupported"), measure
    assert not subject._cache.frames
    assert not any(module._forward_hooks for module in subject.model.modules())


def test_what_needs_a_second_derivative_says_so() -> None:
    """The Hessian is refused; its Gauss-Newton part, the gradients and the margins have their values."""
    scores = scored(CASES["hard sigmoid"]())

    for name in ("hess_top", "hess_trace", "hess_fro"):
        assert "no second derivative" in scores[name].why, name
    for name in ("fisher_trace", "grad_noise_final", "ntk_trace", "input_margin", "sam_sharpness"):
        assert scores[name].outcome == "scored", name


def test_train_mode_changes_nothing() -> None:
    """Batch norm takes its running statistics and dropout drops nothing."""
    data = network("conv_bn")

    def scores(*, mode: bool) -> dict[str, float | None]:
        model = nn.Sequential(copy.deepcopy(data.model), nn.Dropout(0.5)).train(mode)
        init_state = {f"0.{key}": value for key, value in data.init_state.items()}
        found = scored(parts("conv_bn", model=model, init_state=init_state))
        return {name: score.value for name, score in found.items()}

    assert scores(mode=True) == scores(mode=False)


@pytest.mark.parametrize(("name", "half"), [("conv_bn", torch.float16), ("vit", torch.bfloat16)])
def test_half_precision_is_scored_in_single(name: str, half: torch.dtype) -> None:
    """The scores are those of the same weights written in float32, whatever the inputs and the start come in."""
    rounded = copy.deepcopy(network(name).model).to(half)
    low = parts(name, model=rounded, inputs=network(name).inputs.to(half))
    same = parts(name, model=copy.deepcopy(rounded).float(), inputs=low["inputs"].float())
    values = {key: score.value for key, score in scored(low).items()}

    assert Subject(**low).dtype == torch.float32
    assert next(rounded.parameters()).dtype == half
    assert values == {key: score.value for key, score in scored(same).items()}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="There is one device only.")
def test_inputs_follow_the_network_to_its_device() -> None:
    """Data on the processor and a network elsewhere: data, twin and start are moved, the caller's stay."""
    data = network("conv_bn")
    here = parts("conv_bn")
    there = {**here, "model": copy.deepcopy(data.model).cuda()}
    scores, expected = scored(there), scored(here)

    assert Subject(**there).inputs.is_cuda
    assert not data.inputs.is_cuda
    for name in ("cross_entropy", "fro_dist", "gde_disagreement", "fisher_trace"):
        assert scores[name].value == pytest.approx(expected[name].value, rel=1e-6), name


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", ["0.weight", "9.bias", "1.running_var"])
def test_weights_that_are_not_finite_have_no_score(place: str, number: float) -> None:
    """Not even counts: the network has diverged, and the reason says where."""
    model = copy.deepcopy(network("conv_bn").model)
    model.state_dict()[place].view(-1)[1] = number
    scores = scored(parts("conv_bn", model=model))

    assert {score.outcome for score in scores.values()} == {"unsupported"}
    assert {score.why for score in scores.values()} == {f"The network contains NaN or Inf in '{place}'."}


@pytest.mark.parametrize("need", ["init", "twin", "unlabeled", "trajectory"])
def test_what_is_needed_must_be_finite(need: Need) -> None:
    """Measures that need it are refused, and no other is."""
    data = network("mlp")
    arguments = data.parts()
    twin = copy.deepcopy(data.twin)
    next(twin.parameters()).data[0, 0] = math.nan
    losses = [math.nan, *arguments["trajectory"].losses[1:]]
    broken = {
        "init": ("init_state", {**data.init_state, "1.weight": torch.full((10, 64), math.nan)}),
        "twin": ("twin", twin),
        "unlabeled": ("unlabeled", data.unlabeled.index_fill(0, torch.tensor(2), math.inf)),
        "trajectory": ("trajectory", dataclasses.replace(arguments["trajectory"], losses=losses)),
    }
    key, value = broken[need]
    chosen = [measure for measure in catalog().values() if "refit" not in measure.needs]
    scores = score_subject(Subject(**{**arguments, key: value}), chosen)

    for measure in chosen:
        score = scores[measure.name]
        assert score.outcome == ("unsupported" if need in measure.needs else "scored"), f"{measure.name}: {score.why}"
        if need in measure.needs:
            assert f"{'init_state' if need == 'init' else need} contains NaN or Inf in" in score.why


def test_a_past_that_is_not_finite_names_its_checkpoint() -> None:
    """Weights that were NaN on the way, or a learning rate that was."""
    arguments = network("mlp").parts()
    past = arguments["trajectory"]
    lost = {name: value * math.nan for name, value in past.checkpoints[2].params.items()}
    kept = [*past.checkpoints[:2], dataclasses.replace(past.checkpoints[2], params=lost), *past.checkpoints[3:]]
    chosen = [measure for measure in catalog().values() if measure.needs == {"trajectory"}]
    for broken, place in (
        (dataclasses.replace(past, checkpoints=kept), f"at step {past.checkpoints[2].step}"),
        (dataclasses.replace(past, learning_rates=[math.inf] * len(past.losses)), "'learning_rates'"),
    ):
        scores = score_subject(Subject(**{**arguments, "trajectory": broken}), chosen)
        assert all(score.outcome == "unsupported" and place in score.why for score in scores.values())


def test_answers_beyond_the_range_leave_what_weights_say() -> None:
    """Where logits overflow only weights have scores: the same ones whatever the images and labels are."""
    arguments = CASES["beyond the range"]()
    other = {**arguments, "inputs": arguments["inputs"].flip(3), "labels": (arguments["labels"] + 1) % NUM_CLASSES}
    scores, elsewhere = scored(arguments), scored(other)
    values = {name: score.value for name, score in scores.items() if score.value is not None}

    assert values["l2"] == pytest.approx(1e30 * scored(parts("mlp"))["l2"].value, rel=1e-6)  # type: ignore[operator]
    about_labels = {"marginal_likelihood", "ntk_alignment_init", "ntk_complexity_init"}  # of the start, which is finite
    assert {name: elsewhere[name].value for name in values if name not in about_labels} == {
        name: value for name, value in values.items() if name not in about_labels
    }
    for name in ("cross_entropy", "mixup_acc", "manifold_mixup", "single_direction_auc", "linear_regions", "self_gde",
                 "gde_disagreement", "disagreement_train_aug", "fisher_trace", "hess_top", "train_error"):  # fmt: skip
        assert scores[name].outcome == "unsupported", name


def test_a_constant_answer_has_the_scores_of_one() -> None:
    """The losses are those of the constant, nothing hangs on the image, and no accuracy is lost to noise."""
    scores = scored(CASES["constant answer"]())
    labels = network("mlp").labels
    share = float((labels == 3).double().mean())
    partition = math.log(math.e + NUM_CLASSES - 1)
    values = {name: score.value for name, score in scores.items()}

    assert values["cross_entropy"] == pytest.approx(partition - share)
    assert values["train_error"] == pytest.approx(1 - share)
    assert values["confidence"] == pytest.approx(math.e / math.exp(partition))
    for name in ("jacobian_norm", "logit_jacobian_norm", "input_noise_sensitivity", "augmentation_penalty",
                 "confidence_drop"):  # fmt: skip
        assert values[name] == pytest.approx(0, abs=1e-12), name
    for name in ("pacbayes_flatness", "prod_of_spec", "boundary_thickness"):
        assert scores[name].outcome == "unsupported", name


def test_an_untrained_network_has_gone_nowhere() -> None:
    """Distances and the angle to the start are zero, and it agrees with itself."""
    values = {name: score.value for name, score in scored(CASES["untrained"]()).items()}

    for name in ("fro_dist", "l2_dist", "rel_dist", "cos_to_init", "gde_disagreement", "disagreement_train_aug"):
        assert values[name] == pytest.approx(0, abs=1e-12), name


def test_one_example_is_scored_as_itself() -> None:
    """Means over one are its own; what compares examples says that it cannot."""
    data, scores = network("mlp"), scored(CASES["one example"]())
    logits = data.model(data.inputs[:1]).detach()
    values = {name: score.value for name, score in scores.items()}

    assert values["cross_entropy"] == pytest.approx(float(nn.functional.cross_entropy(logits, data.labels[:1])))
    assert values["confidence"] == pytest.approx(float(logits.softmax(1).max()))
    assert values["train_size"] == 1
    for name in ("stiffness", "gradient_confusion", "davies_bouldin", "gsnr", "linear_regions"):
        assert scores[name].outcome == "unsupported", name
