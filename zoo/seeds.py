"""Derive seeds and random generators from names alone."""

import hashlib

import torch


def seed_for(*names: object) -> int:
    """A 63-bit seed that depends on the names alone, the same on every machine and in every process.

    It is the first 8 bytes, big-endian and without the last bit, of the SHA-256 of the names joined by a zero byte.
    """
    digest = hashlib.sha256("\0".join(map(str, names)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(*names: object) -> torch.Generator:
    """A generator on the CPU whose stream depends on the names alone: draw there and move, for the same on any device.

    Example:
        >>> order = torch.randperm(50_000, generator=generator("cifar10", run_id, "order", epoch))
    """
    return torch.Generator().manual_seed(seed_for(*names))
