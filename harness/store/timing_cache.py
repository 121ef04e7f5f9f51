"""Cache of engine choices on a machine's disk, so that a second run chooses as the first did."""

import hashlib
import json
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from zoo.training.engines.modes import Mode
from zoo.training.engines.timing import Choice

log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Return GAPBENCH_CACHE, or gapbench in the system's cache folder."""
    if chosen := os.environ.get("GAPBENCH_CACHE"):
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "gapbench"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gapbench"


class ChoicesOnDisk:
    """One small JSON file per question: the choice, its timings and what was left out.

    If several processes answer at the same time, all use the first answer. If the folder cannot be written, nothing is
    cached.

    Args:
        folder: of the files; created with the first one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def recall(self, question: str) -> Choice | None:
        """See `zoo.training.engines.timing.Remembered`; None also for a file that is damaged."""
        try:
            kept = json.loads(self._path(question).read_text(encoding="utf-8"))
            if kept["question"] == question and kept["mode"] in get_args(Mode) and int(kept["size"]) > 0:
                return Choice(kept["mode"], int(kept["size"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None  # there is none, or it is damaged
        return None

    def keep(self, question: str, choice: Choice, seconds: Mapping[str, float], absent: Mapping[str, str]) -> Choice:
        """See `zoo.training.engines.timing.Remembered`."""
        answer = {
            "question": question,
            "mode": choice.mode,
            "size": choice.size,
            "seconds for a step of every network": seconds,
            "left out": absent,
        }
        path = self._path(question)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if path.exists() and self.recall(question) is None:
                path.unlink()  # damaged
            temporary = path.with_suffix(f".{os.getpid()}")
            try:
                temporary.write_text(json.dumps(answer, indent=1), encoding="utf-8")
                path.hardlink_to(temporary)  # which fails where another was first
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as reason:
            log.info("%s was not written: %s.", path, reason)
        return self.recall(question) or choice

    def _path(self, question: str) -> Path:
        return self._folder / f"choice-{hashlib.sha256(question.encode()).hexdigest()[:16]}.json"
