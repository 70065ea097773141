"""Where networks run: devices, and the memory that they have."""

import pytest
import torch
from EchoODELib.engine.errors import DeviceError
from EchoODELib.engine.models.inference import Batches, choose_device

CPU = torch.device("cpu")


class NarrowMemory:
    """Computes on a device that holds ``room`` items at once."""

    def __init__(self, room: int, error: type[Exception] = torch.OutOfMemoryError) -> None:
        self.room, self.error, self.seen = room, error, []

    def __call__(self, items: list[int]) -> list[int]:
        if len(items) > self.room:
            raise self.error("DefaultCPUAllocator: can't allocate memory")
        self.seen.append(len(items))
        return items


@pytest.mark.parametrize(
    ("room", "error", "sizes"),
    [
        (1, torch.OutOfMemoryError, [1] * 7),
        (3, RuntimeError, [2, 2, 2, 1]),
        (4, RuntimeError, [4, 3]),
        (8, RuntimeError, [7]),
    ],
)
def test_short_memory_is_met_with_smaller_batches(room, error, sizes):
    memory, batches = NarrowMemory(room, error), Batches(8, CPU)
    assert [item for part in batches.run(memory, list(range(7))) for item in part] == list(range(7))
    assert memory.seen == sizes


def test_what_was_learnt_of_the_memory_is_kept():
    memory, batches = NarrowMemory(2), Batches(8, CPU)
    list(batches.run(memory, list(range(7))))
    memory.room = 8
    list(batches.run(memory, list(range(7))))
    assert max(memory.seen) <= 2


def test_no_memory_at_all_is_said():
    with pytest.raises(DeviceError, match="memory"):
        list(Batches(8, CPU).run(NarrowMemory(0), list(range(7))))


def test_another_error_is_not_taken_for_short_memory():
    def fails(items):
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes"):
        list(Batches(8, CPU).run(fails, [1]))


@pytest.mark.parametrize("device", ["tpu?", "meta", "cuda:99"])
def test_a_device_that_is_not_there_is_said(device):
    with pytest.raises(DeviceError, match="cpu"):
        choose_device(device)


def test_auto_is_a_device_that_is_there():
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_cuda_without_a_gpu_is_said():
    with pytest.raises(DeviceError, match="no such GPU"):
        choose_device("cuda")
