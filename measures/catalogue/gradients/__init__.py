"""Measures of gradients: at single examples, along training, and the tangent kernel."""
