"""Passes over the weights: folded layers and their spectra."""
