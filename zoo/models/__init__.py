"""Build the network that a recipe names."""
