"""The pretended device: compiled with the system's compiler, and made known to torch in this process, for good."""

import fcntl
import hashlib
import shutil
import subprocess
import types
from pathlib import Path
from typing import Any, Final

import torch
from torch.utils.backend_registration import rename_privateuse1_backend
from torch.utils.cpp_extension import include_paths, library_paths

NAME: Final = "pretend"
SOURCE: Final = Path(__file__).with_name("pretended.cpp")
COMPILER: Final = shutil.which("g++")


def built(folder: Path) -> Path:
    """The compiled library in a folder, made by whoever comes first."""
    assert COMPILER is not None
    library = folder / f"pretended-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]}.so"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not library.exists():
            flags = [
                "-shared",
                "-fPIC",
                "-std=c++20",
                "-O0",
                f"-D_GLIBCXX_USE_CXX11_ABI={int(torch._C._GLIBCXX_USE_CXX11_ABI)}",
            ]
            flags += [f"-I{path}" for path in include_paths()] + [f"-L{path}" for path in library_paths()]
            half = library.with_suffix(".half")
            subprocess.run(
                [COMPILER, *flags, str(SOURCE), "-o", str(half), "-lc10", "-ltorch", "-ltorch_cpu"], check=True
            )
            half.rename(library)
    return library


def register(library: Path) -> torch.device:
    """Make the device known to torch."""
    module: Any = types.ModuleType(f"torch.{NAME}")
    module.is_available = module.is_initialized = lambda: True
    module.device_count = lambda: 1
    module.current_device = lambda: 0
    module._is_in_bad_fork = lambda: False
    module.manual_seed_all = module._lazy_init = lambda *_: None
    torch.ops.load_library(str(library))
    rename_privateuse1_backend(NAME)
    torch._register_device_module(NAME, module)
    by_storage: Any = torch.Tensor.__deepcopy__

    def copied(tensor: torch.Tensor, memo: dict[int, Any]) -> Any:
        """As by its storage, which torch copies on devices that it knows."""
        if tensor.device.type != NAME or type(tensor) is not torch.Tensor:
            return by_storage(tensor, memo)
        if id(tensor) not in memo:
            memo[id(tensor)] = tensor.detach().clone().requires_grad_(tensor.requires_grad)
        return memo[id(tensor)]

    torch.Tensor.__deepcopy__ = copied  # type: ignore[method-assign]
    return torch.device(NAME)
