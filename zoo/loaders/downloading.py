"""Download data sets through torchvision's classes, whole or not at all."""

import http.client
import socket
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from zoo.errors import DatasetError
from zoo.loaders.torchvision_layouts import LAYOUTS, Layout, load_torchvision, opened

PATIENCE: Final = 60.0  # seconds that a server may be silent; torchvision itself would wait for ever
PACKED: Final = frozenset({".gz"})  # what was unpacked is not kept twice


def download_torchvision(name: str, data_dir: Path) -> bool:
    """Fetch one of `LAYOUTS` into a folder, unless it is there and can be read; whether it was fetched.

    Everything is fetched, held to torchvision's checksums, unpacked and read in a temporary folder within `data_dir`,
    which is made if need be, and moved to its place when it is whole: what fails half way leaves nothing behind that
    is read later.

    Raises:
        DatasetError: it cannot be fetched or written; nothing in `data_dir` has changed.
    """
    layout = LAYOUTS[name]
    if (data_dir / layout.mark).exists() and _is_readable(name, data_dir):
        return False
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=data_dir, prefix=f".{name}-") as place, _patience():
            for half in ("train", "test"):
                opened(layout, Path(place), half, download=True)
            load_torchvision(name, Path(place))
            _move(Path(place), data_dir)
    # What urllib, http.client, tarfile, gzip and the disk raise, and torchvision for a wrong checksum.
    except (OSError, http.client.HTTPException, tarfile.TarError, EOFError, zlib.error, RuntimeError, ValueError) as e:
        said = " ".join(str(e).split()) or type(e).__name__
        raise DatasetError(
            f"{layout.loader} must be downloaded whole, from {', '.join(_sources(layout))}; got: {said} Nothing of it "
            f"was kept in {data_dir}. Try again where there is a network, or copy {layout.mark} there from elsewhere."
        ) from e
    return True


def _is_readable(name: str, data_dir: Path) -> bool:
    try:
        load_torchvision(name, data_dir)
    except DatasetError:
        return False
    return True


def _move(source: Path, target: Path) -> None:
    """Every file to the same place under another folder of the same disk."""
    for file in sorted(path for path in source.rglob("*") if path.is_file() and path.suffix not in PACKED):
        place = target / file.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        file.replace(place)


@contextmanager
def _patience() -> Iterator[None]:
    """A limit on the silence of servers, for torchvision gives none to its connections."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _sources(layout: Layout) -> list[str]:
    """List the addresses that torchvision downloads a data set from."""
    from torchvision import datasets

    loader: Any = getattr(datasets, layout.loader)
    if hasattr(loader, "mirrors"):
        return list(loader.mirrors)
    return [loader.url] if hasattr(loader, "url") else [loader.split_list[half][0] for half in ("train", "test")]
