"""What the measures of outputs, margins, representations and sensitivity do not see."""

UNSEEN = {
    "adv_radius": "renamed rescaled shifted scaled",
    "all_layer_margin": "renamed shifted",
    "atc": "renamed rescaled shifted",
    "augment_margin": "renamed rescaled shifted scaled",
    "augmentation_penalty": "renamed rescaled shifted",
    "aum": "renamed shifted",
    "boundary_thickness": "renamed rescaled shifted",
    "brier": "renamed rescaled shifted",
    "cdnv": "renamed rescaled shifted scaled",
    "confidence": "renamed rescaled shifted",
    "confidence_drop": "renamed rescaled shifted",
    "davies_bouldin": "renamed rescaled shifted scaled",
    "dbi_mixup": "renamed rescaled shifted scaled",
    "decov": "renamed shifted scaled",
    "feature_effective_rank": "renamed rescaled shifted scaled",
    "hidden_margin": "renamed rescaled shifted scaled",
    "hidden_margin_first": "renamed rescaled shifted scaled",
    "hidden_margin_last": "renamed rescaled shifted scaled",
    "input_noise_sensitivity": "renamed rescaled shifted",
    "intrinsic_dimension": "renamed rescaled shifted scaled",
    "jacobian_norm": "renamed rescaled shifted",
    "label_surprise": "renamed rescaled shifted",
    "linear_regions": "renamed rescaled shifted scaled",
    "local_lipschitz": "renamed rescaled shifted",
    "logit_jacobian_norm": "renamed rescaled shifted",
    "logit_norm": "renamed rescaled shifted",
    "manifold_mixup": "renamed rescaled shifted scaled",
    "mixup_acc": "renamed rescaled shifted scaled",
    "mixup_margin": "renamed rescaled shifted scaled",
    "nc1": "renamed rescaled shifted scaled",
    "neg_entropy": "renamed rescaled shifted",
    "noise_attenuation": "renamed rescaled scaled",
    "norm_margin_fro": "renamed rescaled shifted scaled",
    "nuclear_norm": "renamed rescaled shifted",
    "self_gde": "renamed rescaled shifted",
    "single_direction_auc": "rescaled shifted scaled",
    "train_classwise_ece": "renamed rescaled shifted",
    "train_ece": "renamed rescaled shifted",
    "vpm": "renamed rescaled shifted scaled",
    "vr": "renamed rescaled scaled",
    "wcv": "renamed rescaled shifted scaled",
}

NEARLY = {  # the floor under squared gradients does not scale with them
    (name, change): 1e-4
    for name in ("augment_margin", "hidden_margin", "hidden_margin_first", "hidden_margin_last", "mixup_margin")
    for change in ("rescaled", "scaled")
}
