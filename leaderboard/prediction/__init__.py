"""Predict the gaps of networks from a reference zoo."""
