"""Secret of a held-out zoo: read from a file that is never copied; the zoo stores its fingerprint only."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from harness.errors import HarnessError
from harness.store.provenance import HELD_OUT
from harness.store.store import Store
from zoo.held_out import PROTOCOL, fingerprint

MIN_BYTES: Final = 16  # 128 bits cannot be guessed
HINT: Final = "Make one: head -c 32 /dev/urandom > FILE."

HeldOut = Mapping[str, Any]


class HeldOutError(HarnessError):
    """A secret that cannot be used, or a directory that holds another zoo."""


def read_secret(path: Path, out: Path) -> bytes:
    """Read the secret from a file.

    Raises:
        HeldOutError: no file, too few bytes, or a file in the zoo's directory, which is meant to be shared.
    """
    if not path.is_file():
        raise HeldOutError(f"--secret-seed must name a file; there is none at {path}. {HINT}")
    if path.resolve().is_relative_to(out.resolve()):
        raise HeldOutError(f"The secret must lie outside the zoo's directory; got {path}, which is in {out}.")
    secret = path.read_bytes()
    if len(secret) < MIN_BYTES:
        raise HeldOutError(f"A secret must have at least {MIN_BYTES} bytes; {path} has {len(secret)}. {HINT}")
    return secret


def describe_secret(suite: str, secret: bytes) -> HeldOut:
    """Return what a zoo stores about its secret: suite, protocol and fingerprint."""
    return {"suite": suite, "protocol": PROTOCOL, "fingerprint": fingerprint(secret)}


def require_same_zoo(store: Store, held_out: HeldOut) -> None:
    """Refuse to mix zoos: public networks with held-out ones, or those of two secrets.

    Args:
        store: the zoo in the directory.
        held_out: description of the secret that was given; empty for a public zoo.

    Raises:
        HeldOutError: the directory holds a network of another zoo.
    """
    for run_id, run in store.runs().items():
        there: HeldOut = run.provenance.get(HELD_OUT, {})
        if there != held_out:
            other = "or another --out" if there else "another --out"
            means = f"Give its secret with --secret-seed, {other}." if there else f"Give {other}."
            raise HeldOutError(
                f"{store.folder} must hold the networks of {_describe_zoo(held_out)} and no others; {run_id} is of "
                f"{_describe_zoo(there)}. {means}"
            )


def _describe_zoo(held_out: HeldOut) -> str:
    if not held_out:
        return "a public suite"
    return f"the held-out {held_out['suite']} with fingerprint {held_out['fingerprint'][:16]}..."
