"""Where work runs: in this process, in worker processes, or on a Ray cluster.

A task is one picklable argument of a worker, a function that yields results as they are made. Whatever the executor,
the results arrive one by one in this process, the only one that writes; a task that fails or whose process dies is
reported as a `TaskFailure` and takes no other down.
"""

import multiprocessing
import os
import queue
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import Any, Generic, Literal, TypeVar, cast

import torch

Executor = Literal["local", "processes", "ray"]

Task = TypeVar("Task")
Result = TypeVar("Result")

POLL_SECONDS = 0.5  # how soon the death of a worker process is noticed


@dataclass(frozen=True, slots=True)
class TaskFailure(Generic[Task]):
    """A task that did not end: what it was, and why."""

    task: Task
    why: str


class MissingExtra(RuntimeError):  # noqa: N818  reads as what it is
    """An executor needs a package that is not installed; the message says how to install it."""


def execute(
    worker: Callable[[Task], Iterator[Result]], tasks: Sequence[Task], *, executor: Executor, workers: int
) -> Iterator[Result | TaskFailure[Task]]:
    """Run every task and give the results back as they are made.

    Args:
        worker: a module-level generator function.
        tasks: its arguments, started in this order.
        executor: where.
        workers: how many side by side; 1 for "local".

    Raises:
        MissingExtra: "ray" without Ray.
    """
    if executor == "local" or not tasks:
        return _local(worker, tasks)
    if executor == "processes":
        return _processes(worker, tasks, min(workers, len(tasks)))
    return _ray(worker, tasks, workers)


def _local(worker: Callable[[Task], Iterator[Result]], tasks: Sequence[Task]) -> Iterator[Result | TaskFailure[Task]]:
    for task in tasks:
        try:
            yield from worker(task)
        except Exception:  # noqa: BLE001  a task that fails takes no other down
            yield TaskFailure(task, traceback.format_exc())


def _processes(
    worker: Callable[[Task], Iterator[Result]], tasks: Sequence[Task], workers: int
) -> Iterator[Result | TaskFailure[Task]]:
    pool = _Pool(worker, tasks, workers)
    try:
        for number in range(workers):
            pool.start(number)
        while pool.running:
            yield from pool.received()
    finally:
        pool.end()


class _Pool(Generic[Task, Result]):
    """Worker processes, each with one task in hand."""

    def __init__(self, worker: Callable[[Task], Iterator[Result]], tasks: Sequence[Task], workers: int) -> None:
        self.worker, self.tasks = worker, tasks
        self.context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
        self.results: Any = self.context.Queue()
        self.waiting = deque(range(len(tasks)))
        self.threads = max(1, (os.cpu_count() or 1) // workers)
        self.running: dict[int, tuple[BaseProcess, Any, int]] = {}  # worker -> process, its inbox, the task in hand

    def start(self, number: int) -> None:
        """Start a worker process and give it a task, if there is one left."""
        if not self.waiting:
            return
        inbox: Any = self.context.Queue()
        arguments = (self.worker, inbox, self.results, number, self.threads)
        process = self.context.Process(target=_serve, args=arguments, daemon=True)
        process.start()
        self._hand_out(number, process, inbox)

    def received(self) -> Iterator[Result | TaskFailure[Task]]:
        """What comes next: a result, the end of a task, or the death of a worker."""
        try:
            number, kind, content = self.results.get(timeout=POLL_SECONDS)
        except queue.Empty:
            yield from self._buried()
            return
        if kind == "result":
            yield content
            return
        process, inbox, index = self.running[number]
        if kind == "failure":
            yield TaskFailure(self.tasks[index], content)
        self._hand_out(number, process, inbox)

    def end(self) -> None:
        """End the workers that still run."""
        for process, _, _ in self.running.values():
            process.terminate()

    def _hand_out(self, number: int, process: BaseProcess, inbox: Any) -> None:
        if self.waiting:
            index = self.waiting.popleft()
            self.running[number] = (process, inbox, index)
            inbox.put(self.tasks[index])
        else:
            self.running.pop(number, None)
            inbox.put(None)

    def _buried(self) -> Iterator[TaskFailure[Task]]:
        """The tasks of workers that have died; others start in their place."""
        for number, (process, _, index) in list(self.running.items()):
            if not process.is_alive():
                del self.running[number]
                yield TaskFailure(self.tasks[index], f"Its process ended with exit code {process.exitcode}.")
                self.start(number)


def _serve(worker: Callable[[Any], Iterator[Any]], inbox: Any, results: Any, number: int, threads: int) -> None:
    """The life of a worker process: tasks in, results out, until there is no task or no parent."""
    torch.set_num_threads(threads)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while (task := inbox.get()) is not None:
        try:
            for result in worker(task):
                results.put((number, "result", result))
        except Exception:  # noqa: BLE001  a task that fails takes no other down
            results.put((number, "failure", traceback.format_exc()))
        else:
            results.put((number, "done", None))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)  # the parent was killed: nobody is left to hear of the result


def _ray(
    worker: Callable[[Task], Iterator[Result]], tasks: Sequence[Task], workers: int
) -> Iterator[Result | TaskFailure[Task]]:
    try:
        import ray
    except ImportError as error:
        raise MissingExtra("The executor 'ray' needs Ray; install it with: pip install 'gapbench[ray]'.") from error
    if not ray.is_initialized():
        ray.init(
            num_cpus=None if os.environ.get("RAY_ADDRESS") else workers, include_dashboard=False, log_to_driver=False
        )
    remote = ray.remote(num_cpus=1, max_retries=0)(_ray_worker).options(num_returns="streaming")
    streams = {remote.remote(worker, task): task for task in tasks}
    while streams:
        ready, _ = ray.wait(list(streams), num_returns=1, fetch_local=False)
        for stream in ready:
            try:
                yield cast("Result", ray.get(next(stream)))
            except StopIteration:
                del streams[stream]
            except ray.exceptions.RayError as error:
                yield TaskFailure(streams.pop(stream), str(error))


def _ray_worker(worker: Callable[[Any], Iterator[Any]], task: Any) -> Iterator[Any]:
    torch.set_num_threads(1)
    yield from worker(task)
