"""Nuclear norm of the predictions on unlabeled inputs."""

import math

import torch

from measures.api import CHUNK, Subject, measure


@measure(
    source="Deng et al. 2023, arXiv:2302.01094",
    family="output",
    needs={"unlabeled"},
    expected_sign=-1,
    cost="1 forward pass of the unlabeled inputs",
)
def nuclear_norm(subject: Subject) -> float:
    r"""Nuclear norm of the matrix of softmax predictions on unlabeled test inputs, over its largest possible value.

    .. math:: \frac{\lVert P \rVert_*}{\sqrt{m \min(m, k)}}, \quad P \in [0, 1]^{m \times k}

    The bound follows from :math:`\lVert P \rVert_* \le \sqrt{\operatorname{rank} P} \lVert P \rVert_F` and rows of norm
    at most 1; it is reached by confident predictions that are spread evenly over the classes.
    Departs from the paper, which predicts accuracy under shift: here the gap, which it should oppose. Unit: none, in
    (0, 1]. A function of the predictions alone, so it sees no rescaling and no shift of all logits.
    """
    with torch.no_grad():
        chunks = [subject.logits_of(x).double().softmax(1) for x in subject.unlabeled.split(CHUNK)]
    predictions = torch.cat(chunks)
    bound = math.sqrt(len(predictions) * min(predictions.shape))
    return float(torch.linalg.matrix_norm(predictions, "nuc")) / bound
