"""The kinds of sandbox, and what an honest measure says in each."""

from torch import nn

from harness.sandbox.confinement import Kind

KINDS: tuple[Kind, ...] = ("bubblewrap", "process limits")


def squares(network: nn.Module) -> float:
    """What the honest measure says of a network."""
    return sum(float(param.detach().square().sum()) for param in network.parameters())
