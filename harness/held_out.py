"""The secret of a held-out zoo: read from a file that is never copied, known in the zoo by its fingerprint alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from harness.store.store import Store
from zoo.held_out import PROTOCOL, fingerprint

FEWEST_BYTES: Final = 16  # as many as nobody guesses
KEY: Final = "held_out"  # of the provenance of each of its networks
HOW: Final = "Make one: head -c 32 /dev/urandom > FILE."

HeldOut = Mapping[str, Any]


class HeldOutError(ValueError):
    """A secret that cannot be, or a directory that holds another zoo than is asked for."""


def secret_in(path: Path, out: Path) -> bytes:
    """The content of a file, whatever it is.

    Raises:
        HeldOutError: no file, too few bytes, or one that lies in the zoo's directory, which is there to be handed on.
    """
    if not path.is_file():
        raise HeldOutError(f"--secret-seed must name a file; there is none at {path}. {HOW}")
    if path.resolve().is_relative_to(out.resolve()):
        raise HeldOutError(f"The secret must lie outside the zoo's directory; got {path}, which is in {out}.")
    secret = path.read_bytes()
    if len(secret) < FEWEST_BYTES:
        raise HeldOutError(f"A secret must have at least {FEWEST_BYTES} bytes; {path} has {len(secret)}. {HOW}")
    return secret


def recorded(suite: str, secret: bytes) -> HeldOut:
    """What the zoo says of its secret."""
    return {"suite": suite, "protocol": PROTOCOL, "fingerprint": fingerprint(secret)}


def require_same_zoo(store: Store, held_out: HeldOut) -> None:
    """Refuse to mix zoos: public networks with held-out ones, or those of two secrets.

    Args:
        store: the zoo that is there.
        held_out: what is recorded of the secret that is asked for; empty for a public zoo.

    Raises:
        HeldOutError: a network of another zoo.
    """
    for run_id, run in store.runs().items():
        there: HeldOut = run.provenance.get(KEY, {})
        if there != held_out:
            other = "or another --out" if there else "another --out"
            means = f"Give its secret with --secret-seed, {other}." if there else f"Give {other}."
            raise HeldOutError(
                f"{store.folder} must hold the networks of {_said(held_out)} and no others; {run_id} is of "
                f"{_said(there)}. {means}"
            )


def _said(held_out: HeldOut) -> str:
    if not held_out:
        return "a public suite"
    return f"the held-out {held_out['suite']} with fingerprint {held_out['fingerprint'][:16]}..."
