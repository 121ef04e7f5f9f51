"""It leaves memory behind that no process holds."""

from multiprocessing.shared_memory import SharedMemory

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It leaves memory behind that no process holds."""
    memory = SharedMemory("gapbench-hostile", create=True, size=1 << 20)
    return float(memory.size)
