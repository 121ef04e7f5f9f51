"""Data sets fetched by torchvision's own code from a mirror on this machine, made from real images."""

import gc
import gzip
import hashlib
import pickle
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any, Final

import numpy as np
import pytest
import scipy.io
import torch
from typer.testing import CliRunner

import zoo.models.vision_stack  # noqa: F401  makes torchvision importable beside a CPU build of torch

# isort: split
from torchvision import datasets as torchvision_datasets

from harness.cli import app
from zoo.data.datasets import download, load
from zoo.errors import DatasetError, UnknownDatasetError
from zoo.loaders.torchvision_layouts import LAYOUTS

DIGITS = load("digits")
IMAGES, LABELS = DIGITS.train_images[:200, 0].numpy(), DIGITS.train_labels[:200].numpy()
COLOUR = np.stack([np.kron(IMAGES, np.ones((1, 4, 4), np.uint8))] * 3, axis=1)  # [200, 3, 32, 32]
HUNDRED: Final = np.arange(200) % 100  # of CIFAR-100 every class must occur
NUM_TEST: Final = 60

pytestmark = [  # torchvision's habits: an archive unpacked without a filter, once it fits its checksum, and errors 404
    pytest.mark.filterwarnings("ignore:Python 3.14 will, by default, filter:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def _closed() -> Iterator[None]:
    """What torchvision leaves open is collected here, and not in another module's tests."""
    yield
    gc.collect()


class Mirror(SimpleHTTPRequestHandler):
    """A folder by HTTP, without a word on each request."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Site:
    """A folder and where it is served."""

    folder: Path
    url: str


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """An empty folder, served on a free port."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Mirror, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Site(folder, f"http://127.0.0.1:{server.server_port}/")
        server.shutdown()
        thread.join()


def idx(values: Any) -> bytes:
    """The format of MNIST: zero, zero, type 8 for bytes, number of dimensions, each big-endian, then the bytes."""
    sizes = b"".join(int(size).to_bytes(4, "big") for size in values.shape)
    return b"".join((bytes([0, 0, 8, values.ndim]), sizes, values.astype(np.uint8).tobytes()))


def placed(file: Path, content: bytes) -> str:
    """Write a file; its MD5."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def mirror_mnist(loader: Any, site: Site, patch: pytest.MonkeyPatch) -> None:
    """Four packed files."""
    resources = []
    for half, number in (("train", 200), ("t10k", NUM_TEST)):
        for kind, values in (("images-idx3", IMAGES), ("labels-idx1", LABELS)):
            name = f"{half}-{kind}-ubyte.gz"
            resources.append((name, placed(site.folder / name, gzip.compress(idx(values[:number]), mtime=0))))
    patch.setattr(loader, "mirrors", [site.url])
    patch.setattr(loader, "resources", resources)


def mirror_cifar(loader: Any, site: Site, patch: pytest.MonkeyPatch) -> None:
    """One packed archive of pickles."""
    key, own_labels = ("labels", LABELS) if loader is torchvision_datasets.CIFAR10 else ("fine_labels", HUNDRED)
    train = [file for file, _ in loader.train_list]
    rows = dict(zip(train, np.array_split(np.arange(200), len(train)), strict=True))
    rows[loader.test_list[0][0]] = np.arange(NUM_TEST)
    contents: dict[str, Any] = {
        file: {"data": COLOUR[own].reshape(len(own), -1), key: own_labels[own].tolist()} for file, own in rows.items()
    }
    contents[loader.meta["filename"]] = {loader.meta["key"]: [str(k) for k in range(100)]}
    packed, sums = BytesIO(), {}
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for file, content in contents.items():
            raw = pickle.dumps(content)
            sums[file] = hashlib.md5(raw, usedforsecurity=False).hexdigest()
            member = tarfile.TarInfo(f"{loader.base_folder}/{file}")
            member.size = len(raw)
            archive.addfile(member, BytesIO(raw))
    patch.setattr(loader, "tgz_md5", placed(site.folder / loader.filename, packed.getvalue()))
    patch.setattr(loader, "url", site.url + loader.filename)
    for which in ("train_list", "test_list"):
        patch.setattr(loader, which, [[file, sums[file]] for file, _ in getattr(loader, which)])
    patch.setattr(loader, "meta", {**loader.meta, "md5": sums[loader.meta["filename"]]})


def mirror_svhn(loader: Any, site: Site, patch: pytest.MonkeyPatch) -> None:
    """Two Matlab files."""
    split_list = dict(loader.split_list)
    for half, number in (("train", 200), ("test", NUM_TEST)):
        content, name = BytesIO(), f"{half}_32x32.mat"
        scipy.io.savemat(content, {"X": COLOUR[:number].transpose(2, 3, 1, 0), "y": LABELS[:number, None]})
        split_list[half] = [site.url + name, name, placed(site.folder / name, content.getvalue())]
    patch.setattr(loader, "split_list", split_list)


def mirrored(name: str, site: Site, patch: pytest.MonkeyPatch) -> None:
    """Make a mirror of a data set, and torchvision's class look there."""
    loader = getattr(torchvision_datasets, LAYOUTS[name].loader)
    kind = "cifar" if name.startswith("cifar") else "svhn" if name == "svhn" else "mnist"
    {"mnist": mirror_mnist, "cifar": mirror_cifar, "svhn": mirror_svhn}[kind](loader, site, patch)


def files_in(folder: Path) -> set[str]:
    """Every file and folder below, hidden ones too."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_was_downloaded_is_read(name: str, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through torchvision's fetching, checking and unpacking; the folder is made, and holds nothing packed."""
    mirrored(name, site, monkeypatch)
    folder = tmp_path / "new" / "data"
    assert download(name, folder)
    read = load(name, folder)
    grey = "mnist" in name
    labels = HUNDRED if name == "cifar100" else LABELS
    assert torch.equal(read.train_images, torch.from_numpy(IMAGES[:, None] if grey else COLOUR))
    assert torch.equal(read.train_labels, torch.from_numpy(labels))
    assert torch.equal(read.test_labels, torch.from_numpy(labels[:NUM_TEST]))
    assert {Path(place).parts[0] for place in files_in(folder)} <= {*Path(LAYOUTS[name].mark).parts, "test_32x32.mat"}
    assert not [place for place in files_in(folder) if place.endswith(".gz")]


def test_what_is_there_is_not_fetched_again(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even looked for; a damaged one is, and is whole afterwards."""
    mirrored("mnist", site, monkeypatch)
    folder = tmp_path / "data"
    assert download("mnist", folder)
    mirror = torchvision_datasets.MNIST.mirrors
    monkeypatch.setattr(torchvision_datasets.MNIST, "mirrors", [])
    assert not download("mnist", folder)

    monkeypatch.setattr(torchvision_datasets.MNIST, "mirrors", mirror)
    (folder / "MNIST/raw/t10k-images-idx3-ubyte").write_bytes(b"")
    with pytest.raises(DatasetError, match="Fetch it again: gapbench download mnist --data-dir"):
        load("mnist", folder)
    assert download("mnist", folder)
    assert len(load("mnist", folder).test_labels) == NUM_TEST


@pytest.mark.parametrize("name", ["kmnist", "cifar10", "svhn"])
@pytest.mark.parametrize("damage", ["missing", "cut", "other"])
def test_what_cannot_be_fetched_leaves_nothing(
    name: str, damage: str, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of the second half that the server lacks, half of one, or another one: one sentence, and no files."""
    mirrored(name, site, monkeypatch)
    broken = max(site.folder.iterdir(), key=lambda file: ("train" not in file.name, file.name))
    if damage == "missing":
        broken.unlink()
    else:
        content = broken.read_bytes()
        broken.write_bytes(content[: len(content) // 2] if damage == "cut" else content[::-1])
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "notes.txt").touch()
    message = (
        rf"{LAYOUTS[name].loader} must be downloaded whole, from http:.*; got: .*Nothing of it was kept in .*data\."
    )
    with pytest.raises(DatasetError, match=message) as raised:
        download(name, folder)
    assert "\n" not in str(raised.value)
    assert files_in(folder) == {"notes.txt"}


def test_an_archive_that_is_none_leaves_nothing(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its checksum fits, and it cannot be unpacked."""
    mirrored("cifar10", site, monkeypatch)
    loader = torchvision_datasets.CIFAR10
    whole = (site.folder / loader.filename).read_bytes()
    monkeypatch.setattr(loader, "tgz_md5", placed(site.folder / loader.filename, whole[: len(whole) // 2]))
    with pytest.raises(DatasetError, match="CIFAR10 must be downloaded whole"):
        download("cifar10", tmp_path / "data")
    assert files_in(tmp_path / "data") == set()


def test_what_torchvision_does_not_know_is_refused(tmp_path: Path) -> None:
    """With those that it does; what is in the box or lies there in another layout need not be fetched."""
    with pytest.raises(
        UnknownDatasetError, match=r"Only mnist, .* can be downloaded; got 'cifar'\. Did you mean: cifar"
    ):
        download("cifar", tmp_path)
    assert not download("digits", tmp_path)
    (tmp_path / "cifar10" / "train").mkdir(parents=True)
    assert not download("cifar10", tmp_path)


def test_a_data_set_that_is_missing_names_the_command(tmp_path: Path) -> None:
    """With the folder that was meant."""
    folder = tmp_path / "my data"
    folder.mkdir()
    with pytest.raises(UnknownDatasetError, match=r"nor train_32x32\.mat .*gapbench download svhn --data-dir '/.*'"):
        load("svhn", folder)
    with pytest.raises(UnknownDatasetError, match=r"not bundled, .* gapbench download cifar10 --data-dir DIR"):
        load("cifar10")


def test_the_command(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetches once; without a folder, or with a mirror that is gone, it says so and exits with 2."""
    mirrored("fashion_mnist", site, monkeypatch)
    monkeypatch.delenv("GAPBENCH_DATA", raising=False)
    command = ["download", "fashion_mnist", "--data-dir", str(tmp_path / "data")]
    for said in ("was downloaded", "is there already"):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.output
        assert f"fashion_mnist {said}" in result.stdout
    assert CliRunner().invoke(app, ["list", "datasets", "--data-dir", str(tmp_path / "data")]).exit_code == 0
    without = CliRunner().invoke(app, command[:2])
    assert without.exit_code == 2
    assert "--data-dir or set GAPBENCH_DATA" in without.stderr
    monkeypatch.setattr(torchvision_datasets.KMNIST, "mirrors", [site.url + "gone/"])
    gone = CliRunner().invoke(app, ["download", "kmnist", "--data-dir", str(tmp_path / "data")])
    assert gone.exit_code == 2
    assert "KMNIST must be downloaded whole" in gone.stderr
    assert "Traceback" not in gone.stderr
