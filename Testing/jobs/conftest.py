"""Workers, real and odd, and a small clip."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from importlib import util
from pathlib import Path
from types import ModuleType

import pytest
from EchoODELib.engine.phantom import PhantomClip, PhantomSettings, simulate
from EchoODELib.engine.sequence import Provenance, SegmentedSequence
from EchoODELib.jobs import Worker

HERE = Path(__file__).resolve().parent
LIBRARY = HERE.parent.parent / "EchoODE"


@pytest.fixture(scope="session")
def odd() -> ModuleType:
    """The odd worker's tasks, known on this side too."""
    spec = util.spec_from_file_location("odd_worker", HERE / "odd_worker.py")
    assert spec is not None and spec.loader is not None
    module = util.module_from_spec(spec)
    sys.modules["odd_worker"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def odd_worker(odd: ModuleType, tmp_path: Path) -> Iterator[Worker]:
    """A worker that misbehaves when told to."""
    shared = tmp_path / "shared"
    shared.mkdir()
    worker = Worker([sys.executable, str(HERE / "odd_worker.py")], temporary=shared)
    yield worker
    worker.close()
    assert list(shared.iterdir()) == []


@pytest.fixture
def worker(lasting_worker: Worker) -> Iterator[Worker]:
    """The real one, warm from test to test; what a failed test left running ends with it."""
    yield lasting_worker
    if lasting_worker.job is not None:
        lasting_worker.close()
        lasting_worker.poll()


@pytest.fixture(scope="session")
def lasting_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    shared = tmp_path_factory.mktemp("shared")
    worker = Worker(temporary=shared)
    yield worker
    worker.close()
    assert list(shared.iterdir()) == []


@pytest.fixture(scope="session")
def a_phantom() -> PhantomClip:
    return simulate(PhantomSettings(frames=16, frame_rate=20.0, size=96, beats=1.1, seed=5))


@pytest.fixture(scope="session")
def true_masks(a_phantom: PhantomClip) -> SegmentedSequence:
    how = Provenance("segment", model="truth", settings={"levels": ({"size": 48}, (1, 2.5)), "none": None})
    return SegmentedSequence(a_phantom.sequence, a_phantom.masks, how)


@pytest.fixture(scope="session")
def until() -> Callable[[Callable[[], object]], None]:
    """Waits for something to become true."""

    def wait(condition: Callable[[], object], seconds: float = 10.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            time.sleep(0.01)

    return wait


@pytest.fixture(scope="session")
def lives() -> Callable[[int], bool]:
    """Whether a process is there, zombies included."""

    def there(pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True

    return there
