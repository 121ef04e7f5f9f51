"""Transform a network by `torch.func.vmap` where that is possible, and run it in a plain loop where it is not."""

from collections.abc import Callable
from typing import TypeVar

from measures.api import Subject, UnsupportedModelError, shared

T = TypeVar("T")


@shared
def plain_loop(subject: Subject) -> bool:
    """A record that vmap could not transform the network, so that a loop ran it: listed among the passes of a score."""
    del subject
    return True


def vectorized_or_looped(subject: Subject, vectorized: Callable[[], T], looped: Callable[[], T]) -> T:
    """The result of the vectorized computation; that of the loop if vmap cannot transform the network.

    What vmap cannot transform are recurrent layers, custom autograd functions without a rule for it, and branches that
    depend on the data.
    """
    if not subject._cache.knows("vectorization.plain_loop"):  # noqa: SLF001  looking must not compute it
        try:
            return vectorized()
        except UnsupportedModelError:
            raise
        except Exception:  # noqa: BLE001  vmap lets through whatever the network does with its tensors
            result = looped()  # raises what is wrong with the network itself
            plain_loop(subject)
            return result
    plain_loop(subject)
    return looped()
