"""Run tasks on a Ray cluster, which may lose nodes.

Each task has one CPU, and on GPUs a share of one. A task whose worker or node is lost is tried on another, without the
results that have arrived. Weight files are read in the zoo's directory where a node sees it; otherwise they are sent
with the tasks.
"""

import logging
import os
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

import torch

from harness.errors import HarnessError
from harness.pipeline.tasks import TaskFailure, for_another_machine, reason_of, remaining, sees_files
from harness.store.weights import CorruptRunError

Task = TypeVar("Task")
Result = TypeVar("Result")
Message: TypeAlias = tuple[Literal["begun", "result", "failed", "no files"], Any]

TRIES: Final = 3  # of a task whose worker or node is lost
TICK: Final = 1.0  # seconds between looks at tasks that have sent nothing
STARVED: Final = 60.0  # seconds without a task that has begun, after which a warning says what the cluster lacks
ANSWER_LIMIT: Final = 10.0  # seconds for the cluster to accept a connection
FETCH_LIMIT: Final = 300.0  # seconds for a result to come from its node

log = logging.getLogger(__name__)


class ClusterError(HarnessError):
    """The Ray cluster cannot be used."""


@dataclass(frozen=True, slots=True)
class Resources:
    """Resources of a cluster: CPUs and GPUs of all its nodes."""

    cpus: int
    gpus: int


def connect(workers: int | None) -> Resources:
    """Connect to the cluster at RAY_ADDRESS; without that variable, start Ray on this machine.

    Args:
        workers: how many CPUs Ray may use on this machine; all if None.

    Raises:
        ClusterError: there is no cluster at this address.
    """
    import ray

    if not ray.is_initialized():
        address = os.environ.get("RAY_ADDRESS", "")
        if address.startswith("ray://"):
            raise ClusterError(
                f"RAY_ADDRESS must name a node of the cluster, as HOST:6379; got {address}. Start gapbench on a node: "
                "ray job submit -- gapbench run ..."
            )
        _require_answer(address)
        local = {} if address else {"num_cpus": workers, "include_dashboard": False}
        try:
            with _handlers_kept():
                ray.init(address or "local", log_to_driver=False, logging_level=logging.ERROR, **local)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ClusterError(f"No Ray cluster answers at {address or 'this machine'}: {error}") from error
    total = ray.cluster_resources()
    return Resources(int(total.get("CPU", 0)), int(total.get("GPU", 0)))


def run_on_ray(
    worker: Callable[[Task], Iterator[Result]],
    tasks: Sequence[Task],
    *,
    workers: int,
    gpus: float,
    time_limit: float,
) -> Iterator[Result | TaskFailure[Task]]:
    """Run every task and yield the results as they arrive; see `harness.pipeline.executors.execute`."""
    connect(workers)
    crew: _Crew[Task, Result] = _Crew(worker, tasks, workers, gpus, time_limit)
    try:
        while crew.waiting or crew.running:
            yield from crew.fill()
            yield from crew.receive()
            yield from crew.end_hung()
    finally:
        for stream in list(crew.running):
            crew.drop(stream)


@dataclass(slots=True)
class _Job(Generic[Task]):
    """A task on its way.

    Attributes:
        task: what remains of it, or its end where all its results have arrived.
        complete: whether they have.
        lost: how many workers it has lost.
        heard: when it last sent a message, by the monotonic clock; None before it has begun.
    """

    task: Task
    complete: bool = False
    lost: int = 0
    heard: float | None = None


class _Crew(Generic[Task, Result]):
    """Tasks on the cluster, by their streams of messages."""

    def __init__(
        self,
        worker: Callable[[Task], Iterator[Result]],
        tasks: Sequence[Task],
        workers: int,
        gpus: float,
        time_limit: float,
    ) -> None:
        import ray

        self.worker, self.workers, self.time_limit = worker, workers, time_limit
        self.needs = {"num_cpus": 1, "num_gpus": gpus}
        self.remote = ray.remote(_serve).options(**self.needs, max_retries=0, num_returns="streaming")
        self.waiting: deque[_Job[Task]] = deque(_Job(task) for task in tasks)
        self.running: dict[Any, _Job[Task]] = {}
        self.send_files = False  # until a node says that it does not see them
        self.idle_since = time.monotonic()
        self.warned = False

    def fill(self) -> Iterator[TaskFailure[Task]]:
        """Submit tasks while fewer than the maximum run: those that wait take no memory.

        A task whose weight files are damaged by now fails.
        """
        while self.waiting and len(self.running) < self.workers:
            job = self.waiting.popleft()
            job.heard = None
            try:
                task = for_another_machine(job.task, with_files=self.send_files)
            except CorruptRunError as error:
                yield TaskFailure(job.task, str(error))
                continue
            self.running[self.remote.remote(self.worker, task)] = job

    def receive(self) -> Iterator[Result | TaskFailure[Task]]:
        """Wait a moment for messages and read one of each task that has sent any."""
        import ray

        if not self.running:
            return
        ready, _ = ray.wait(list(self.running), num_returns=1, timeout=TICK, fetch_local=False)
        for stream in ready:
            job = self.running[stream]
            try:
                message: Message = ray.get(next(stream), timeout=FETCH_LIMIT)
            except StopIteration:
                self.drop(stream)
            except ray.exceptions.RayTaskError as error:  # what it yielded cannot be pickled
                self.drop(stream)
                yield TaskFailure(job.task, str(error))
            except ray.exceptions.RayError as error:
                self.drop(stream)
                yield from self._try_again(job, str(error))
            else:
                yield from self._read(stream, job, message)

    def end_hung(self) -> Iterator[TaskFailure[Task]]:
        """End the tasks that have sent nothing for too long; warn where none could begin."""
        import ray

        now = time.monotonic()
        for stream, job in list(self.running.items()):
            silent = job.heard is not None and now - job.heard > self.time_limit
            if silent and not ray.wait([stream], timeout=0, fetch_local=False)[0]:
                self.drop(stream)
                yield TaskFailure(job.task, f"Its worker was ended: it had sent nothing for {self.time_limit:g} s.")
        if any(job.heard is not None for job in self.running.values()):
            self.idle_since = now
        elif self.running and now - self.idle_since > STARVED and not self.warned:
            self.warned = True
            log.warning(
                "No task has begun for %.0f s: no node of the Ray cluster has %s free. See `ray status`.",
                STARVED,
                " and ".join(f"{value:g} {name.removeprefix('num_')}" for name, value in self.needs.items() if value),
            )

    def drop(self, stream: Any) -> None:
        """Forget a task and end it if it still runs."""
        import ray

        del self.running[stream]
        with suppress(ray.exceptions.RayError, ValueError):  # it has ended
            ray.cancel(stream, force=True)

    def _read(self, stream: Any, job: _Job[Task], message: Message) -> Iterator[Result | TaskFailure[Task]]:
        kind, content = message
        job.heard = time.monotonic()
        if kind == "result":
            rest = remaining(job.task, content)
            job.complete = rest is None
            job.task = job.task if rest is None else rest
            yield content
        elif kind == "failed":
            self.drop(stream)
            yield TaskFailure(job.task, content)
        elif kind == "no files":
            self.drop(stream)
            self.send_files = True
            self.waiting.appendleft(job)

    def _try_again(self, job: _Job[Task], why: str) -> Iterator[TaskFailure[Task]]:
        job.lost += 1
        if job.complete:
            return
        if job.lost < TRIES:
            self.waiting.appendleft(job)
        else:
            yield TaskFailure(job.task, f"It lost its worker {TRIES} times, the last time so: {why}")


def _serve(worker: Callable[[Task], Iterator[Result]], task: Task) -> Iterator[Message]:
    """Run a task on a node of the cluster."""
    torch.set_num_threads(1)
    yield "begun", None
    if not sees_files(task):
        yield "no files", None
        return
    try:
        for result in worker(task):
            yield "result", result
    except (Exception, SystemExit) as error:  # noqa: BLE001  a task that fails takes no other down
        yield "failed", reason_of(error)


def _require_answer(address: str) -> None:
    """Refuse an address HOST:PORT where nothing listens: Ray itself would try for minutes."""
    host, colon, port = address.rpartition(":")
    if not (colon and port.isdecimal()):
        return
    try:
        socket.create_connection((host, int(port)), timeout=ANSWER_LIMIT).close()
    except OSError as error:
        raise ClusterError(f"No Ray cluster answers at RAY_ADDRESS={address} ({error}). Is it running?") from error


@contextmanager
def _handlers_kept() -> Iterator[None]:
    """Keep the handler of SIGTERM, which Ray replaces when it starts in the main thread."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)
