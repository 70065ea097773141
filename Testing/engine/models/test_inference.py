"""Running a network over frames: devices, memory, progress, and that frames don't see each other."""

import numpy as np
import pytest
import torch
from EchoODELib.engine.errors import DeviceError, RunCancelled
from EchoODELib.engine.models import build_model
from EchoODELib.engine.models.inference import choose_device, class_probabilities
from EchoODELib.engine.progress import Monitor

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def a_network() -> torch.nn.Module:
    torch.manual_seed(0)
    return build_model("unet", widths=(4, 8, 8)).eval()


@pytest.fixture(scope="module")
def some_frames() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((7, 32, 48)).astype(np.float32)


class NarrowMemory(torch.nn.Module):
    """A network on a device that holds ``room`` frames at once."""

    def __init__(self, room: int, error: type[Exception] = torch.OutOfMemoryError) -> None:
        super().__init__()
        self.room, self.error, self.seen = room, error, []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) > self.room:
            raise self.error("DefaultCPUAllocator: can't allocate memory")
        self.seen.append(len(x))
        return torch.cat((x, -x), 1)


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 50])
def test_probabilities_do_not_depend_on_the_batch(a_network, some_frames, batch):
    expected = class_probabilities(a_network, some_frames, device=CPU, batch=1)
    found = class_probabilities(a_network, some_frames, device=CPU, batch=batch)
    assert found.shape == (7, 4, 32, 48)
    np.testing.assert_allclose(found, expected, atol=2e-3)
    np.testing.assert_allclose(found.astype(np.float32).sum(1), 1, atol=4e-3)


def test_mirroring_makes_the_result_indifferent_to_mirroring(a_network, some_frames):
    one = class_probabilities(a_network, some_frames, device=CPU, mirror=True)
    other = class_probabilities(a_network, some_frames[..., ::-1].copy(), device=CPU, mirror=True)
    np.testing.assert_allclose(other[..., ::-1], one, atol=2e-3)


@pytest.mark.parametrize(("room", "error"), [(1, torch.OutOfMemoryError), (3, RuntimeError), (8, RuntimeError)])
def test_short_memory_is_met_with_smaller_batches(some_frames, room, error):
    network = NarrowMemory(room, error)
    found = class_probabilities(network, some_frames, device=CPU, batch=8)
    assert len(found) == 7
    assert sum(network.seen) == 7


def test_no_memory_at_all_is_said(some_frames):
    with pytest.raises(DeviceError, match="memory"):
        class_probabilities(NarrowMemory(0), some_frames, device=CPU, batch=8)


def test_progress_counts_frames_and_a_cancel_is_obeyed(a_network, some_frames):
    reports = []
    monitor = Monitor(report=reports.append)
    class_probabilities(a_network, some_frames, device=CPU, batch=2, stage=monitor.stage("Segmenting", 7))
    assert [r.done for r in reports] == [0, 2, 4, 6, 7]
    monitor.cancel()
    with pytest.raises(RunCancelled):
        class_probabilities(a_network, some_frames, device=CPU, stage=monitor.stage("Segmenting", 7))


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
