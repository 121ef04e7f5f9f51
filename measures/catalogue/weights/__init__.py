"""Measures of the weights: norms, distances, paths, spectra, sizes, compression."""
