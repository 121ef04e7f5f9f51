"""Invariances of the first measures: see `tests.measures.test_invariance`.

"renamed": hidden units in another order. "rescaled": 4 W_1 and W_3 / 4 of a ReLU network without biases. "shifted": a
constant on all logits. "scaled": all logits doubled.
"""

UNSEEN = {
    "coherence": "renamed shifted",
    "constant": "renamed rescaled shifted scaled",
    "cross_entropy": "renamed rescaled shifted",
    "disagreement_train_aug": "renamed rescaled shifted scaled",
    "fisher_rao": "renamed rescaled shifted",
    "gde_disagreement": "renamed rescaled shifted scaled",
    "grad_noise_final": "renamed shifted",
    "gsnr": "renamed rescaled shifted",
    "input_margin": "renamed rescaled shifted scaled",
    "inverse_margin": "renamed rescaled shifted",
    "mean_margin": "renamed rescaled shifted",
    "norm_margin_spec": "renamed rescaled shifted scaled",
    "params": "renamed rescaled shifted scaled",
    "self_influence": "renamed shifted",
    "train_error": "renamed rescaled shifted scaled",
}

NEARLY = {
    ("input_margin", "scaled"): 1e-4,  # the floor under its gradients does not scale
}
