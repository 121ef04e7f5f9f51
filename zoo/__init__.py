"""Makes networks: recipes, data, corruptions, models and the training of fleets."""
