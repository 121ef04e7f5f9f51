"""Keep runs, scores and weights on disk."""
