"""Measures of the outputs: margins, confidence, information, and sensitivity to the inputs."""
