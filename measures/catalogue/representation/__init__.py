"""Measures of hidden activations: clusters, ablation, label variation, topology."""
