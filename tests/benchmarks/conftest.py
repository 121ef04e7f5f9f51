"""Record what else decides the figures of a benchmark, and leave out what names the machine or is not compared."""

import os
from typing import Any

import pytest
import torch


@pytest.hookimpl
def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    """Keep Python and the processor's name; add torch, its threads and the device."""
    processor = machine_info.get("cpu", {}).get("brand_raw", "")
    python = machine_info["python_version"]
    machine_info.clear()
    machine_info |= {
        "processor": processor,
        "python_version": python,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
    }


@pytest.hookimpl
def pytest_benchmark_update_json(output_json: dict[str, Any]) -> None:
    """Drop single timings and the branch."""
    output_json["commit_info"] = {"id": output_json["commit_info"].get("id")}
    for one in output_json["benchmarks"]:
        one["stats"].pop("data", None)
