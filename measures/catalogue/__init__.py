"""The measures of the catalogue, grouped by the part of a network that they read."""
