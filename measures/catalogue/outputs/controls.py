"""Controls that every complexity measure should beat: counts, training loss and training error."""

from measures.api import Subject, measure
from measures.passes.activations.outputs import logits, losses


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 20", family="control", cost="weights only", weights_only=True)
def params(subject: Subject) -> float:
    """Number of trained parameters.

    Departs from the paper, whose sum over convolutions of k^2 c_out (c_in + 1) counts weights and biases alone: here
    every parameter counts, those of norms and embeddings too.
    """
    return float(sum(value.numel() for value in subject.params.values()))


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 21", family="control", cost="1 forward pass")
def cross_entropy(subject: Subject) -> float:
    r"""Mean cross-entropy of the training examples.

    .. math:: -\frac{1}{m} \sum_i \log \mathrm{softmax}(f(x_i))_{y_i}

    Sign: Jiang et al. take it as a complexity: what is left of the loss is what was hard to fit. Unit: nats. With
    respect to the labels that the network was trained on, corrupted or not.
    """
    return float(losses(subject).double().mean())


@measure(source="Zhang et al. 2017, arXiv:1611.03530", family="control", cost="1 forward pass")
def train_error(subject: Subject) -> float:
    r"""Fraction of the training examples that are misclassified.

    .. math:: \frac{1}{m} \sum_i 1[\arg\max_k f(x_i)_k \ne y_i]

    With respect to the labels that the network was trained on, corrupted or not.
    """
    return float((logits(subject).argmax(1) != subject.labels).double().mean())


@measure(source="none: it knows nothing of the network", family="control", cost="nothing", weights_only=True)
def constant(subject: Subject) -> float:
    """One for every network: what statistics make of nothing but ties."""
    del subject
    return 1.0


@measure(
    source="none: all that it knows is how much data there was", family="control", cost="nothing", expected_sign=-1
)
def train_size(subject: Subject) -> float:
    """Number of training examples: more data leave a smaller gap."""
    return float(subject.num_examples)
