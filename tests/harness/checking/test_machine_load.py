"""A check on a busy machine does not blame the measure for the time that it took."""

import os

import pytest

from harness.checking.check import _out_of_time
from harness.checking.machine_load import describe_load
from harness.checking.process import Answer
from harness.checking.verdict import contract_faults
from measures import Score
from measures.registry import catalog


@pytest.mark.parametrize(("load", "busy"), [(1.0, False), (1000.0, True)])
def test_what_ran_out_of_time_is_not_decided_on_a_busy_machine(
    load: float, busy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither trials that are left nor a single measure; on an idle machine both are faults of the measure."""
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    late = Score(None, "timeout", 10.0, 1, "It ran longer than 10 s.")
    faults = contract_faults("mine", catalog()["l2"], {("plain", "mlp"): Answer(("plain", "mlp"), {"mine": late})})
    found = [_out_of_time(["mlp plain"]), *(fault for fault in faults if "longer than 10 s" in fault.what)]

    assert len(found) == 2, faults
    assert bool(describe_load()) == busy
    assert [fault.what.startswith("Not decided: the machine was busy, a load of 1000 on") for fault in found] == [
        busy
    ] * 2
