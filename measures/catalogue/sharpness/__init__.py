"""Measures of the loss around the weights: sharpness, curvature, PAC-Bayes."""
