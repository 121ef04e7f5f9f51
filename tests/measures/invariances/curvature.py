"""PAC-Bayes, sharpness and Hessian measures: see `first.py`.

Noise and probes are drawn for each parameter where it stands, so that hidden units in another order get other draws.
"""

UNSEEN = {
    "asam_l2": "renamed rescaled",
    "asam_l2_logit_norm": "renamed rescaled scaled",
    "asam_linf": "renamed rescaled",
    "asam_linf_logit_norm": "renamed rescaled scaled",
    "avg_sharpness": "shifted",
    "avg_sharpness_logit_norm": "shifted",
    "avg_sharpness_mag": "rescaled",
    "avg_sharpness_mag_logit_norm": "rescaled scaled",
    "hess_fro": "shifted",
    "hess_logdet": "renamed shifted",
    "hess_outliers": "renamed shifted",
    "hess_softrank": "renamed shifted",
    "hess_spectral_entropy": "renamed shifted",
    "hess_top": "renamed shifted",
    "hess_trace": "shifted",
    "hess_trace_x_norm": "",
    "iiw": "",
    "keskar_eps_sharpness": "renamed",
    "laplace_evidence": "renamed",
    "lin_dof": "renamed",
    "llc": "shifted",
    "local_entropy": "shifted",
    "m_sharpness": "renamed shifted",
    "minimum_sharpness": "renamed rescaled shifted",
    "normalized_flat_minima": "renamed rescaled shifted",
    "pacbayes_flatness": "shifted",
    "pacbayes_init": "",
    "pacbayes_init_legacy": "shifted",
    "pacbayes_mag_flatness": "rescaled scaled",
    "pacbayes_mag_flatness_legacy": "",
    "pacbayes_mag_init": "",
    "pacbayes_mag_init_legacy": "",
    "pacbayes_mag_orig": "",
    "pacbayes_mag_orig_legacy": "",
    "pacbayes_opt": "",
    "pacbayes_orig": "",
    "pacbayes_orig_legacy": "shifted",
    "relative_flatness": "renamed rescaled shifted",
    "sam_sharpness": "renamed shifted",
    "sam_sharpness_logit_norm": "renamed shifted",
    "sharpness_flatness": "renamed shifted",
    "sharpness_init": "renamed",
    "sharpness_mag_flatness": "renamed rescaled",
    "sharpness_mag_init": "renamed",
    "sharpness_mag_orig": "renamed",
    "sharpness_orig": "renamed",
    "waic": "shifted",
}

NEARLY = {
    ("hess_top", "renamed"): 0.01,  # Lanczos starts from other draws and stops at one percent
    ("pacbayes_mag_flatness", "rescaled"): 0.05,  # the floor under its noise does not scale
    ("sharpness_mag_flatness", "rescaled"): 0.05,  # nor does that under its box
    ("sharpness_init", "renamed"): 1e-4,  # the logarithm of the noise scale, beside a term thousands of times as large
    ("sharpness_orig", "renamed"): 1e-4,
}
