"""Inputs of the sandbox: code of a plug-in, and the parts of a network that its measures may see."""

import ast
import copy
import hashlib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn

from harness.errors import HarnessError
from measures.api import Need, Subject
from measures.training_history import Refit, Trajectory


class PluginError(HarnessError):
    """A plug-in that cannot be read, does not run, or defines no usable measure."""


@dataclass(frozen=True, slots=True)
class Submission:
    """Code of a plug-in: a file, or a module that is imported in the sandbox only.

    Attributes:
        kind: file or module.
        where: path of the file, or name of the module.
        content: the file's; empty for a module.
        source_hash: of the code, 16 hexadecimal digits.
    """

    kind: Literal["file", "module"]
    where: str
    content: bytes
    source_hash: str

    @classmethod
    def of_file(cls, path: Path) -> Self:
        """Read a file, without running it.

        Raises:
            PluginError: there is no file, it is no Python, or it imports a file beside it.
        """
        if not path.is_file():
            raise PluginError(f"{path} must be a Python file that defines a measure; there is none.")
        content = path.read_bytes()
        try:
            tree = ast.parse(content, str(path))
        except (SyntaxError, ValueError) as error:
            line = f" in line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
            said = error.msg if isinstance(error, SyntaxError) else str(error)
            raise PluginError(f"{path} must be Python; it has a {type(error).__name__}{line}: {said}.") from error
        if beside := _imported_from_beside(tree, path):
            raise PluginError(
                f"{path} must be one file, since it runs alone; it imports {', '.join(beside)} from beside it. "
                "Copy what it needs into it."
            )
        return cls("file", str(path), content, hashlib.sha256(content).hexdigest()[:16])

    @classmethod
    def of_module(cls, name: str, files: Iterable[Path]) -> Self:
        """Make the submission of an installed module whose code is in these files."""
        digest = hashlib.sha256(b"\0".join(file.read_bytes() for file in sorted(files)))
        return cls("module", name, b"", digest.hexdigest()[:16])


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Arguments of a `Subject`, without `refit`; see there."""

    model: nn.Module
    inputs: Tensor
    labels: Tensor
    init_state: Mapping[str, Tensor] | None = None
    twin: nn.Module | None = None
    unlabeled: Tensor | None = None
    trajectory: Trajectory | None = None
    seed: int = 0

    def subject(self, refit: Refit | None = None) -> Subject:
        """Make the subject; with `refit` its measures can train networks."""
        return Subject(**{field.name: getattr(self, field.name) for field in fields(self)}, refit=refit)

    def without_data(self) -> "Parts":
        """Replace the training data by one image of zeros, of class 0."""
        return replace(self, inputs=torch.zeros_like(self.inputs[:1]), labels=torch.zeros_like(self.labels[:1]))

    def for_needs(self, needs: Iterable[Need]) -> "Parts":
        """Drop what these needs do not include."""
        named = set(needs)
        return replace(
            self,
            init_state=self.init_state if "init" in named else None,
            twin=self.twin if "twin" in named else None,
            unlabeled=self.unlabeled if "unlabeled" in named else None,
            trajectory=self.trajectory if "trajectory" in named else None,
        )

    def sendable(self, known: "Parts | None" = None) -> dict[str, object]:
        """Return the parts that differ from `known`, by name, on the CPU; each tensor with separate memory.

        A view would carry the whole tensor that it views.
        """
        mine = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: _own(part) for name, part in mine.items() if known is None or part is not getattr(known, name)}


@dataclass(frozen=True, slots=True)
class Turn:
    """Measures that may see the same parts of a network.

    Attributes:
        names: of the measures.
        parts: that they see.
    """

    names: tuple[str, ...]
    parts: Parts


def _imported_from_beside(tree: ast.Module, path: Path) -> list[str]:
    """List the modules that a file imports from its folder, which the sandbox does not see."""
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom) and not node.level
            else []
        )
    }
    folder = path.resolve().parent
    elsewhere = [entry for entry in sys.path if Path(entry).resolve() != folder]
    return sorted(
        name
        for name in imported
        if name not in sys.builtin_module_names
        and ((folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file())
        and PathFinder.find_spec(name, elsewhere) is None
    )


def _own(part: Any) -> Any:
    """Copy without sharing memory."""
    match part:
        case Tensor():
            return part.detach().clone(memory_format=torch.contiguous_format).cpu()
        case nn.Module():
            network = copy.deepcopy(part)
            for tensor in (*network.parameters(), *network.buffers()):
                tensor.data = _own(tensor)
            return network
        case Trajectory():
            kept = [replace(c, params=_own(c.params), buffers=_own(c.buffers)) for c in part.checkpoints]
            return replace(part, checkpoints=kept)
        case Mapping():
            return {name: _own(value) for name, value in part.items()}
        case _:
            return part  # a number, or nothing
