"""What norms, distances, path norms and spectra do not see: see `tests.measures.test_invariance`."""

_ALL = "renamed rescaled shifted scaled"

UNSEEN = {
    "embedding_norm": "renamed shifted scaled",
    "fro_over_spec": _ALL,
    "fro_over_spec_fft": _ALL,
    "head_norm": "renamed shifted",
    "l1": "renamed shifted",
    "l2": "renamed shifted",
    "linf": "renamed shifted",
    "param_norm": "renamed shifted",
    "prod_of_fro": "renamed rescaled shifted",
    "prod_of_spec": "renamed rescaled shifted",
    "prod_of_spec_fft": "renamed rescaled shifted",
    "prod_of_spec_fft_legacy": "renamed rescaled shifted",
    "sum_of_fro": "renamed rescaled shifted",
    "sum_of_spec": "renamed rescaled shifted",
    "sum_of_spec_fft": "renamed rescaled shifted",
    # Over the margin, which doubles with the logits.
    "bartlett_spec": "renamed shifted",
    "l1_inf": _ALL,
    "l3_1_5": _ALL,
    "neyshabur_spec_fro": "renamed shifted",
    "prod_of_fro_over_margin": _ALL,
    "prod_of_spec_over_margin": _ALL,
    "prod_of_spec_over_margin_fft": _ALL,
    "prod_of_spec_over_margin_legacy": _ALL,
    "spec_init_main": "renamed shifted",
    "spec_init_main_fft": "renamed shifted",
    "spec_orig_main": _ALL,
    "spec_orig_main_fft": _ALL,
    "sum_of_fro_over_margin": _ALL,
    "sum_of_spec_over_margin": _ALL,
    "sum_of_spec_over_margin_fft": _ALL,
    "trace_norm": _ALL,
}
