"""Measures of the literature that the catalogue leaves out, and why."""

from typing import Final

ABSENT: Final[dict[str, str]] = {
    "spectral_orig": "spec_orig_main times constants of the architecture, which could not be checked in the paper",
    "spectral_init": "spec_init_main times constants of the architecture, which could not be checked in the paper",
    "position_norm": "position embeddings belong to transformers alone; embedding_norm is every network's first layer",
    "rrm_rationality": "it compares with the accuracy on labelled test data, which a measure does not see",
    "loo_cmi": "it takes a network for each example that is left out; replace_one_stability leaves a tenth out at once",
    "lotfi_bound": "it bounds networks that were trained in a random subspace and quantized meanwhile",
    "margin_signature": "it is twenty numbers and a regression that a zoo with known gaps must fit; see hidden_margin",
    "noisy_sample_similarity": "it compares examples of true and of wrong labels, and a measure does not see which are",
    "ph_dim_loss": "the dimension in the distance of losses has a noise of .27 with those of 128 examples at all 256 "
    "iterates, a sixth of the catalogue's time; e_alpha_loss has the lifetime sum",
    "sharpness_dimension": "it is decided by negative and nearly zero eigenvalues of the Hessian, which samples of the "
    "Gauss-Newton part lack; its source (arXiv:2604.19740) takes 50,000 Hessian-vector products",
}
