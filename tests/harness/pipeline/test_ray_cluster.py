"""Ray gives the ledger of the local executor, and goes on where workers, nodes and files are lost."""

import hashlib
import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pytest

from harness.pipeline.executors import execute
from harness.pipeline.plan import make_plan
from harness.pipeline.ray_cluster import ClusterError, connect
from harness.pipeline.run_options import RunOptions
from harness.pipeline.tasks import ObserveTask, TaskFailure, TrainTask
from harness.store.store import Store
from harness.store.to_ledger import frame_of
from harness.store.weights import WeightFile
from tests.harness.conftest import SMALL, Gapbench
from tests.harness.pipeline.planning import BASE
from tests.harness.pipeline.workers import deed, die_once, name_node, name_resources, read_weights

pytest.importorskip("ray", reason="Ray is not installed")
pytestmark = pytest.mark.xdist_group("ray")  # one cluster for all of them

QUIET: Final = {"RAY_memory_monitor_refresh_ms": "0", "RAY_USAGE_STATS_ENABLED": "0"}  # this machine's memory is shared
MEMORY: Final = 80_000_000  # bytes of an object store, nearly the least that Ray takes


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A cluster of one node with two CPUs and, as it says, a GPU; its workers find this folder by its name."""
    import ray
    from ray.cluster_utils import Cluster

    path = os.pathsep.join([str(request.config.rootpath), os.environ.get("PYTHONPATH", "")])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**QUIET, "PYTHONPATH": path}.items():
            patch.setenv(name, value)
        head = {"num_cpus": 2, "num_gpus": 1, "object_store_memory": MEMORY, "include_dashboard": False}
        opened = Cluster(initialize_head=True, head_node_args=head)
        patch.setenv("RAY_ADDRESS", opened.address)
        connect(None)
        yield opened
        ray.shutdown()
        opened.shutdown()


def numbers(folder: Path) -> pd.DataFrame:
    """The ledger of a zoo without seconds."""
    with Store(folder) as store:
        frame = frame_of(store)
    return frame[[name for name in frame.columns if name != "seconds" and not name.startswith("cost.")]]


@pytest.mark.usefixtures("cluster")
def test_the_ledger_is_that_of_the_local_executor(gapbench: Gapbench, finished: Path, tmp_path: Path) -> None:
    """The same ids, and figures that differ by rounding at most."""
    result = gapbench("run", *SMALL, "--executor", "ray", "--device", "cpu", "--out", tmp_path / "zoo")
    assert result.exit_code == 0, result.output

    pd.testing.assert_frame_equal(numbers(tmp_path / "zoo"), numbers(finished), rtol=1e-4)


@pytest.mark.usefixtures("cluster")
def test_every_result_arrives_and_a_failure_stays_alone() -> None:
    """Each task's results in order; a reason for each failure."""
    good = [("good", 0), ("large", 1), ("good", 2)]
    bad = [("raises", 10), ("leaves", 11), ("unpicklable", 12), ("killed", 13)]
    done = list(execute(deed, [*bad, *good], executor="ray", workers=2))
    reasons = {item.task[1]: item.why for item in done if isinstance(item, TaskFailure)}

    assert reasons.keys() == {number for _, number in bad}
    for _, number in good:
        parts = [item for item in done if isinstance(item, tuple) and item[0] == number]
        assert parts == [(number, "first"), (number, "second")]
    assert [len(item) for item in done if isinstance(item, bytes)] == [3_000_000]
    assert "the reason, in [brackets] and with a [/tag]" in reasons[10]
    assert "SystemExit" in reasons[11]
    assert "pickle" in reasons[12]
    assert "It lost its worker 3 times" in reasons[13]


def test_the_tasks_of_a_node_that_is_killed_are_done_on_another(cluster: Any) -> None:
    """Each task has one result; those that the killed node had not yielded come from the other."""
    doomed = cluster.add_node(num_cpus=2, object_store_memory=MEMORY)
    tasks = [(number, 1.0 if number < 4 else 0.1) for number in range(8)]
    done: list[tuple[int, str]] = []
    failures = []
    for item in execute(name_node, tasks, executor="ray", workers=4):
        if isinstance(item, TaskFailure):
            failures.append(item)
            continue
        done.append(item)
        if item[1] == doomed.node_id and doomed in cluster.list_all_nodes():
            cluster.remove_node(doomed, allow_graceful=False)  # with a task in its other CPU

    assert failures == []
    assert sorted(number for number, _ in done) == list(range(8))
    assert doomed not in cluster.list_all_nodes(), "the node must have done a task before it was killed"
    assert len({node for _, node in done}) == 2


@pytest.mark.usefixtures("cluster")
def test_a_fleet_that_loses_its_worker_is_tried_again_without_the_runs_that_have_arrived(tmp_path: Path) -> None:
    """Three recipes: the worker dies after the first run, and each run comes once."""
    recipes = tuple(BASE.replace(seed=seed) for seed in range(3))
    task = TrainTask(recipes, RunOptions(out=tmp_path))
    done = list(execute(die_once, [task], executor="ray", workers=1))

    assert [run.recipe.seed for run in done if not isinstance(run, TaskFailure)] == [0, 1, 2]
    assert len(done) == 3
    assert (tmp_path / "died").exists()


class Unshared(WeightFile):
    """A weight file that another machine does not see at its path."""

    def __reduce__(self) -> tuple[type[WeightFile], tuple[Path, str, bytes | None]]:
        """Pickle the file as it is on that machine."""
        return WeightFile, (self.path.with_name("absent"), self.sha256, self.content_sent)


@pytest.mark.usefixtures("cluster")
def test_weights_are_sent_to_a_node_that_does_not_see_them(tmp_path: Path) -> None:
    """A file of a shared folder is read there; another is sent, and so are those of the tasks after it."""
    path = tmp_path / "final.safetensors"
    path.write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    files = [WeightFile(path, digest), Unshared(path, digest), Unshared(path, digest)]
    tasks = [ObserveTask(BASE, file, None, (), RunOptions()) for file in files]

    done = list(execute(read_weights, tasks, executor="ray", workers=1))
    assert done == [(True, b"weights"), (False, b"weights"), (False, b"weights")]


@pytest.mark.usefixtures("cluster")
def test_workers_share_a_gpu() -> None:
    """Each task has a CPU and its share."""
    done = list(execute(name_resources, [0, 1], executor="ray", workers=2, gpus=0.5))

    assert len(done) == 2
    for number in (0, 1):
        assert (number, {"CPU": 1.0, "GPU": 0.5}) in done


@pytest.mark.usefixtures("cluster")
def test_a_worker_that_hangs_is_ended() -> None:
    """Its task fails after the time limit, with what it had yielded; the others go on."""
    done = list(execute(deed, [("hangs", 0), ("good", 1)], executor="ray", workers=2, time_limit=4.0))

    assert [item for item in done if isinstance(item, tuple) and item[0] == 1] == [(1, "first"), (1, "second")]
    assert (0, "first") in done
    assert TaskFailure(("hangs", 0), "Its worker was ended: it had sent nothing for 4 s.") in done
    assert len(done) == 4


@pytest.mark.usefixtures("cluster")
def test_the_plan_takes_what_the_cluster_has(tmp_path: Path) -> None:
    """Its GPUs without one here, shared as asked for; on CPUs a worker each."""
    options = RunOptions(suite="smoke", executor="ray", out=tmp_path, measures="l2", gpus_per_worker=0.25)
    on_gpus, on_cpus = make_plan(options), make_plan(replace(options, device="cpu"))

    assert (on_gpus.options.device, on_gpus.workers, on_gpus.gpus) == ("cuda", 4, 0.25)
    assert (on_cpus.options.device, on_cpus.workers, on_cpus.gpus) == ("cpu", connect(None).cpus, 0.0)


def test_a_client_of_ray_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address of a client's server is told from that of a node before anything is connected."""
    import ray

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    with pytest.raises(ClusterError, match="ray job submit"):
        connect(None)


def test_an_address_where_nothing_listens_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray itself would try for minutes."""
    import ray

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # and does not listen
        monkeypatch.setattr(ray, "is_initialized", lambda: False)
        monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{free.getsockname()[1]}")
        with pytest.raises(ClusterError, match="No Ray cluster answers at RAY_ADDRESS="):
            connect(None)
