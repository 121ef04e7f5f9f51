"""Gradient measures and those of the tangent kernel: see `first.py`."""

UNSEEN = {
    "efim_trace": "renamed shifted",
    "fisher_trace": "renamed shifted",
    "gradient_confusion": "renamed shifted",
    "gradient_disparity": "renamed shifted",
    "gradient_diversity": "renamed shifted",
    "noise_scale": "renamed shifted",
    "ntk_alignment": "renamed shifted",
    "ntk_alignment_init": "renamed rescaled shifted scaled",
    "ntk_complexity": "renamed shifted",
    "ntk_complexity_init": "renamed rescaled shifted scaled",
    "ntk_eff_rank": "renamed shifted",
    "ntk_label_energy": "renamed shifted",
    "ntk_logdet": "renamed shifted",
    "ntk_top": "renamed shifted",
    "ntk_trace": "renamed shifted",
    "stiffness": "renamed shifted",
    "stiffness_between_classes": "renamed shifted",
    "stiffness_within_class": "renamed shifted",
}
