"""Passes over perturbed weights: noise, ascent, and the cloud that SGD visits."""
