"""Import timm, and list the names of its models."""

import functools
from typing import Any


def timm_library() -> Any:
    """timm, imported where it is first needed: with torchvision it takes 2 seconds and 110 MB."""
    import zoo.models.vision_stack  # noqa: F401, I001  must come before timm
    import timm

    return timm


@functools.cache
def timm_names() -> frozenset[str]:
    """Names of all timm models, without the tags of pretrained weights."""
    return frozenset(timm_library().list_models())
