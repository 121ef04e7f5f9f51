"""Test the trainings that measures request, and what they get back."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from measures.api import Subject, UnsupportedModelError
from measures.passes.refits import Refits, logits_under, refits
from measures.training_history import Refitted, Training
from tests.measures.learners import CLASSES, SURE, NearestNeighbour, nearest_neighbour, points, refit_of


def trained_again(subject: Subject) -> Refits:
    """The pass, with the need that the measures declare."""
    return refits(subject._with_needs(frozenset({"refit"})))


def as_set(inputs: Tensor) -> set[tuple[float, ...]]:
    """Examples as a set."""
    return {tuple(row.tolist()) for row in inputs.flatten(1)}


def test_one_call_of_nine_trainings_of_one_size() -> None:
    """All of n examples, so that one fleet can train them, and all from the subject's own start but two."""
    seen: list[Training] = []
    calls = refit_of(seen=seen)
    subject = nearest_neighbour(61, calls)
    trained_again(subject)
    trained_again(subject)

    assert len(seen) == 9, "one call, whatever the number of measures"
    assert {len(training.inputs) for training in seen} == {len(training.labels) for training in seen} == {61}
    assert [training.seed is None for training in seen] == [True, True, True, True, False, True, False, True, True]
    assert seen[4].seed == seen[6].seed


def test_a_twentieth_of_the_labels_is_wrong() -> None:
    """Exactly round(0.05 n), each moved to another class, all others where they were."""
    seen: list[Training] = []
    subject = nearest_neighbour(200, refit_of(seen=seen))
    found = trained_again(subject)

    assert int((found.noisy_labels != subject.labels).sum()) == 10
    assert seen[0].inputs.equal(subject.inputs)
    assert seen[0].labels.equal(found.noisy_labels)
    assert int(found.noisy_labels.min()) >= 0
    assert int(found.noisy_labels.max()) < CLASSES
    moves = (found.noisy_labels - subject.labels)[found.noisy_labels != subject.labels] % CLASSES
    assert len(moves.unique()) == CLASSES - 1, "uniform over the other classes: ten moves reach all three"


def test_labels_at_random_know_nothing() -> None:
    """Each class a quarter of the time, whatever the label."""
    found = trained_again(nearest_neighbour(4000))
    counts = torch.zeros(CLASSES, CLASSES).index_put_(
        (points(4000)[1], found.random_labels), torch.ones(4000), accumulate=True
    )

    assert float((counts / counts.sum(1, keepdim=True) - 1 / CLASSES).abs().max()) < 5 * (3 / 16 / 950) ** 0.5


def test_a_tenth_is_left_out() -> None:
    """In its places stand copies of others; the rest is where it was."""
    seen: list[Training] = []
    subject = nearest_neighbour(60, refit_of(seen=seen))
    left_out = trained_again(subject).left_out
    training = seen[2]

    assert len(left_out.unique()) == 6
    assert not as_set(subject.inputs[left_out]) & as_set(training.inputs)
    kept = torch.ones(60, dtype=torch.bool).index_fill(0, left_out, value=False)
    assert training.inputs[kept].equal(subject.inputs[kept])
    assert training.labels[kept].equal(subject.labels[kept])
    assert NearestNeighbour(subject.inputs, subject.labels, CLASSES)(training.inputs).argmax(1).equal(training.labels)


@pytest.mark.parametrize("n", [60, 61])
def test_halves_and_prefixes(n: int) -> None:
    """Two disjoint halves that are the whole, and nested prefixes that end with the first of them."""
    seen: list[Training] = []
    subject = nearest_neighbour(n, refit_of(seen=seen))
    found = trained_again(subject)
    first, second = (as_set(subject.inputs[half]) for half in found.halves)

    assert [as_set(training.inputs) for training in seen[3:7]] == [first, first, second, second]
    assert not first & second
    assert first | second == as_set(subject.inputs)
    assert abs(len(first) - len(second)) <= 1
    assert list(found.of_prefixes) == [n // 8, n // 4, n // 2]
    for size, training in zip(found.of_prefixes, [seen[7], seen[8], seen[3]], strict=True):
        assert as_set(training.inputs) == as_set(subject.inputs[found.order[:size]])
        memory = found.of_prefixes[size].params["memory"]
        assert memory.equal(training.inputs.flatten(1))
    assert found.of_halves[1][0].params["memory"].equal(seen[5].inputs.flatten(1))


def test_draws_belong_to_the_examples() -> None:
    """In another order the same examples get the same labels, leave, and share halves."""
    inputs, labels = points(60)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(1))
    model = NearestNeighbour(inputs, labels, CLASSES)
    here, there = (
        trained_again(Subject(model, x, y, refit=refit_of()))
        for x, y in ((inputs, labels), (inputs[order], labels[order]))
    )

    assert there.noisy_labels.equal(here.noisy_labels[order])
    assert there.random_labels.equal(here.random_labels[order])
    assert as_set(inputs[order][there.left_out]) == as_set(inputs[here.left_out])
    assert as_set(inputs[order][there.halves[0]]) == as_set(inputs[here.halves[0]])


def test_another_seed_draws_other_trainings() -> None:
    """The subject's seed decides."""
    inputs, labels = points(60)
    model = NearestNeighbour(inputs, labels, CLASSES)
    first, second = (trained_again(Subject(model, inputs, labels, refit=refit_of(), seed=seed)) for seed in (0, 1))

    assert not first.random_labels.equal(second.random_labels)


def test_answers_are_those_of_the_network_trained_again() -> None:
    """Not those of the subject."""
    subject = nearest_neighbour(60)
    found = trained_again(subject)
    logits = logits_under(subject, found.random, subject.inputs)

    assert logits.argmax(1).equal(found.random_labels)
    assert float(logits.max()) == SURE


def test_too_few_examples_are_refused() -> None:
    """Sixteen are enough."""
    trained_again(nearest_neighbour(16))
    with pytest.raises(UnsupportedModelError, match="at least 16 examples; it has 15"):
        trained_again(nearest_neighbour(15))


def test_a_training_that_diverges_is_refused() -> None:
    """Weights that are not numbers answer nothing."""

    def diverging(trainings: Sequence[Training]) -> list[Refitted]:
        found = refit_of()(trainings)
        broken = {**found[1].params, "memory": found[1].params["memory"] * torch.nan}
        found[1] = Refitted(params=broken, buffers={}, losses=[], steps_per_epoch=10, converged=False)
        return found

    with pytest.raises(UnsupportedModelError, match="diverged"):
        trained_again(nearest_neighbour(20, diverging))
