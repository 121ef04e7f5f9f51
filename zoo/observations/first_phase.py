"""Gradient noise and clipping of the recipe that a network started from."""

from zoo.observations.observed import Observed, Trained, observation


@observation
def first_phase(trained: Trained) -> Observed:
    """Gradient noise and clipping of the recipe's source: noise scale, and longest gradient where there is one."""
    source = trained.recipe.source
    if source is None:
        return {}
    found = {"source_noise": float(source.noise_scale), "source_is_clipped": float(source.clip_norm is not None)}
    return found | ({} if source.clip_norm is None else {"source_clip_norm": float(source.clip_norm)})
