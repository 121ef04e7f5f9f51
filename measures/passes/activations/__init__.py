"""Passes over outputs and hidden activations."""
