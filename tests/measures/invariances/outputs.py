"""What the measures of outputs, margins, representations and sensitivity do not see."""

UNSEEN = {
    "brier": "renamed rescaled shifted",
    "confidence": "renamed rescaled shifted",
    "label_surprise": "renamed rescaled shifted",
    "logit_norm": "renamed rescaled shifted",
    "neg_entropy": "renamed rescaled shifted",
    "train_classwise_ece": "renamed rescaled shifted",
    "train_ece": "renamed rescaled shifted",
}
