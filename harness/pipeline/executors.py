"""Run tasks in this process, in worker processes, or on a Ray cluster.

A task is one picklable argument of a worker, a generator function. With every executor the results arrive one by one in
this process, which alone writes to disk. A task that raises, hangs or whose process dies becomes a `TaskFailure`; the
other tasks go on.
"""

import ctypes
import importlib.util
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast

import torch

from harness.errors import HarnessError
from harness.pipeline.run_options import Executor
from harness.pipeline.tasks import TaskFailure, reason_of

Pipe: TypeAlias = "Connection[Any, Any]"  # what is pickled
Task = TypeVar("Task")
Result = TypeVar("Result")

TIME_LIMIT: Final = 86_400.0  # seconds without a message after which a worker counts as hung
TICK: Final = 10.0  # seconds between looks at workers that have sent nothing
SETTLE_SECONDS: Final = 5.0  # how long the workers may take to end, all together, before they are killed


class MissingExtraError(HarnessError):
    """An executor needs a package that is not installed."""


def require_executor(executor: Executor) -> None:
    """Refuse an executor that cannot run here.

    Raises:
        MissingExtraError: "ray" without Ray.
    """
    if executor == "ray" and importlib.util.find_spec("ray") is None:
        raise MissingExtraError("The executor 'ray' needs Ray; install it with: pip install 'gapbench[ray]'.")


def prepare(executor: Executor) -> None:
    """Start the server of worker processes in the background: its imports take seconds."""
    if executor == "processes" and isinstance(_context(), ForkServerContext):
        with _sigint_blocked():
            forkserver.ensure_running()


def execute(
    worker: Callable[[Task], Iterator[Result]],
    tasks: Sequence[Task],
    *,
    executor: Executor,
    workers: int,
    gpus: float = 0.0,
    time_limit: float = TIME_LIMIT,
) -> Iterator[Result | TaskFailure[Task]]:
    """Run every task and yield the results as they are made.

    Args:
        worker: a module-level generator function.
        tasks: its arguments, started in this order.
        executor: where to run.
        workers: how many side by side; 1 for "local".
        gpus: share of a GPU for each task; for "ray".
        time_limit: seconds without a message after which a worker is ended and its task fails; not for "local".

    Raises:
        MissingExtraError: "ray" without Ray.
    """
    require_executor(executor)
    if executor == "local" or not tasks:
        return _local(worker, tasks)
    if executor == "processes":
        return _processes(worker, tasks, min(workers, len(tasks)), time_limit)
    from harness.pipeline.ray_cluster import run_on_ray

    return run_on_ray(worker, tasks, workers=workers, gpus=gpus, time_limit=time_limit)


def _local(worker: Callable[[Task], Iterator[Result]], tasks: Sequence[Task]) -> Iterator[Result | TaskFailure[Task]]:
    for task in tasks:
        try:
            yield from worker(task)
        except (Exception, SystemExit) as error:  # noqa: BLE001  a task that fails takes no other down
            yield TaskFailure(task, reason_of(error))


# -- worker processes --------------------------------------------------------------------------------------------------
# Each worker has its own pipe: if one is killed while it writes, it holds no lock that another waits for, what it has
# sent is still read, and the end of its pipe reports its death.


def _processes(
    worker: Callable[[Task], Iterator[Result]], tasks: Sequence[Task], workers: int, time_limit: float
) -> Iterator[Result | TaskFailure[Task]]:
    pool: _Pool[Task, Result] = _Pool(worker, tasks, workers, time_limit)
    try:
        while pool.waiting or pool.crew:
            pool.fill()
            for pipe in cast("list[Pipe]", wait(list(pool.crew), timeout=min(time_limit, TICK))):
                yield from pool.receive(pipe)
            pool.kill_hung()
    finally:
        pool.end()


@dataclass(slots=True)
class _Worker:
    """A worker process and its current task.

    Attributes:
        process: the process.
        index: of the task.
        fresh: whether it has not begun any task yet.
        begun: whether it has begun the current task.
        heard: when it last sent a message, by the monotonic clock.
        hung: whether it was killed because it had sent nothing for too long.
    """

    process: BaseProcess
    index: int
    fresh: bool = True
    begun: bool = False
    heard: float = field(default_factory=time.monotonic)
    hung: bool = False


class _Pool(Generic[Task, Result]):
    """Worker processes by their pipes, each with one task."""

    def __init__(
        self, worker: Callable[[Task], Iterator[Result]], tasks: Sequence[Task], workers: int, time_limit: float
    ) -> None:
        self.worker, self.tasks, self.workers, self.time_limit = worker, tasks, workers, time_limit
        self.context = _context()
        resource_tracker.ensure_running()  # the first worker would start it, and that lets Ctrl-C through
        self.waiting = deque(range(len(tasks)))
        self.threads = max(1, torch.get_num_threads() // workers)
        self.crew: dict[Pipe, _Worker] = {}
        self.dismissed: list[BaseProcess] = []

    def fill(self) -> None:
        """Start workers while tasks wait and fewer than the maximum run."""
        while self.waiting and len(self.crew) < self.workers:
            ours, theirs = self.context.Pipe()
            process = self.context.Process(target=_serve, args=(self.worker, theirs, self.threads), daemon=True)
            with _sigint_blocked():
                process.start()
            theirs.close()  # so that the worker's end is the only one, and its death closes the pipe
            self._assign(ours, process, fresh=True)

    def receive(self, pipe: Pipe) -> Iterator[Result | TaskFailure[Task]]:
        """Read a worker's message: a result, the end of its task, or the end of the pipe."""
        hand = self.crew[pipe]
        try:
            kind, content = pipe.recv()
        except (EOFError, OSError):
            yield from self._bury(pipe)
            return
        hand.heard = time.monotonic()
        if kind == "begun":
            hand.begun, hand.fresh = True, False
        elif kind == "result":
            yield content
        else:
            if kind == "failed":
                yield TaskFailure(self.tasks[hand.index], content)
            self._assign(pipe, hand.process, fresh=False)

    def kill_hung(self) -> None:
        """Kill the workers that have sent nothing for too long; the end of the pipe of each is read next."""
        for pipe, hand in self.crew.items():
            if hand.begun and time.monotonic() - hand.heard > self.time_limit and not pipe.poll():
                hand.hung = True
                hand.process.kill()

    def end(self) -> None:
        """End all workers, also those in the middle of a task."""
        for pipe, hand in self.crew.items():
            hand.process.terminate()
            pipe.close()
        deadline = time.monotonic() + SETTLE_SECONDS
        for process in [*self.dismissed, *(hand.process for hand in self.crew.values())]:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()

    def _assign(self, pipe: Pipe, process: BaseProcess, *, fresh: bool) -> None:
        if not self.waiting:
            self.crew.pop(pipe, None)
            self.dismissed.append(process)
            pipe.close()  # the worker ends
            return
        hand = self.crew[pipe] = _Worker(process, self.waiting.popleft(), fresh)
        try:
            pipe.send(self.tasks[hand.index])
        except OSError:
            return  # it is dead, and the end of its pipe is read next

    def _bury(self, pipe: Pipe) -> Iterator[TaskFailure[Task]]:
        """Report the task of a worker that has died; a task that it had not begun goes to another worker."""
        hand = self.crew.pop(pipe)
        pipe.close()
        hand.process.join()
        if hand.begun or hand.fresh:  # one that dies before its first task would die so again and again
            why = f"Its process ended with exit code {hand.process.exitcode}."
            if hand.hung:
                why = f"Its process was killed: it had sent nothing for {self.time_limit:g} s."
            yield TaskFailure(self.tasks[hand.index], why)
        else:
            self.waiting.appendleft(hand.index)


def _context() -> SpawnContext | ForkServerContext:
    """Return how workers start: on Linux as forks of a server that has imported everything and has no threads.

    Forks start at once and share the memory of the imports, some 300 MB each. On other systems libraries do not survive
    a fork.
    """
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["harness.pipeline.preloaded"])
    return context


@contextmanager
def _sigint_blocked() -> Iterator[None]:
    """Block SIGINT in processes that are started here; this process receives it afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(worker: Callable[[Task], Iterator[object]], pipe: Pipe, threads: int) -> None:
    """Run a worker process: receive tasks and send results until there is no task or no parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and ends its workers
    torch.set_num_threads(threads)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, ConnectionError):  # no more tasks, or no parent
        while True:
            task = pipe.recv()
            pipe.send(("begun", None))
            try:
                for result in worker(task):
                    pipe.send(
                        ("result", result)
                    )  # pickled here, so that an unpicklable result is a failure of this task
            except (Exception, SystemExit) as error:  # noqa: BLE001  a task that fails takes no other down
                pipe.send(("failed", reason_of(error)))
            else:
                pipe.send(("done", None))
            _give_back_memory()


def _give_back_memory() -> None:
    """Return freed memory to the system: glibc keeps it in pieces that the next task may not fit into."""
    with suppress(AttributeError, OSError):  # only glibc has malloc_trim
        ctypes.CDLL(None).malloc_trim(0)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)  # the parent was killed
