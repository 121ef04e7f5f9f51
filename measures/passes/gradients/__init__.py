"""Passes over per-example gradients."""
