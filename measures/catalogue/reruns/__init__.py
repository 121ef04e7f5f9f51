"""Measures that compare with another training run: disagreement, stability, retraining."""
