"""The layers of the test networks, found without the code under test."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from torch import Tensor
from torch.nn.utils.fusion import fuse_conv_bn_weights

Array = npt.NDArray[np.float64]


def kernels(name: str, state: Mapping[str, Tensor]) -> list[Array]:
    """Weights of the layers of `mlp` or `conv_bn` in a state, batch norm folded by torch's own fusion."""
    if name == "mlp":
        return [state[f"{place}.weight"].numpy() for place in (1, 3, 5)]
    folded = [
        fuse_conv_bn_weights(
            state[f"{conv}.weight"], state.get(f"{conv}.bias"), state[f"{norm}.running_mean"],
            state[f"{norm}.running_var"], 1e-5, state[f"{norm}.weight"], state[f"{norm}.bias"],
        )[0]
        for conv, norm in (("0", "1"), ("4", "5"))
    ]  # fmt: skip
    return [kernel.detach().numpy() for kernel in folded] + [state["9.weight"].numpy()]


def matrices(name: str, state: Mapping[str, Tensor]) -> list[Array]:
    """The same as matrices [out, in * kernel]."""
    return [kernel.reshape(len(kernel), -1) for kernel in kernels(name, state)]


def tenth_percentile(logits: Array, labels: Array) -> float:
    """The 10th percentile of the output margins."""
    margins = [row[label] - max(np.delete(row, int(label))) for row, label in zip(logits, labels, strict=True)]
    return float(np.percentile(margins, 10))


def eigenvalues(matrix: Array) -> Array:
    """Eigenvalues of W W^T or W^T W, whichever is smaller, largest first; of matrices [..., m, n]."""
    found: Array = np.square(np.linalg.svd(matrix, compute_uv=False)).astype(np.float64)
    return found
