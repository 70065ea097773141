"""The command line, run as a person runs it, on clips that are made here."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from EchoODELib.cli import app
from EchoODELib.engine.export.clip import write_clip
from EchoODELib.engine.export.masks import write_masks
from EchoODELib.engine.phantom import PhantomClip, PhantomSettings, simulate
from EchoODELib.engine.sequence import Label, Provenance, SegmentedSequence
from typer.testing import CliRunner


@dataclass(frozen=True)
class Outcome:
    """What a command ended with."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """stdout as JSON; fails when there is anything else on it."""
        return json.loads(self.out)


@pytest.fixture
def echoode() -> Callable[..., Outcome]:
    """Run ``echoode ARGUMENTS``."""

    def run(*arguments: object) -> Outcome:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture(scope="session")
def a_phantom() -> PhantomClip:
    """One beat and a bit, small."""
    return simulate(PhantomSettings(frames=20, frame_rate=20.0, size=112, beats=1.15, ejection_fraction=55.0, seed=5))


@pytest.fixture(scope="session")
def clip_file(a_phantom: PhantomClip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The phantom as a file."""
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.seq.nrrd", a_phantom.sequence)


@pytest.fixture(scope="session")
def mask_file(a_phantom: PhantomClip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The phantom's true masks as a file."""
    truth = SegmentedSequence(a_phantom.sequence, a_phantom.masks, Provenance("simulated"))
    return write_masks(tmp_path_factory.mktemp("masks") / "masks.nii.gz", truth)


@pytest.fixture
def the_truth_as_segmenter(a_phantom: PhantomClip, monkeypatch: pytest.MonkeyPatch) -> Sequence[str]:
    """Puts the phantom's truth in the network's place; returns the devices that were asked for."""
    asked: list[str] = []

    class Segmenter:
        def __init__(self, model: str, device: str, **_: object) -> None:
            asked.append(device)

        def segment(self, sequence: Any, *, monitor: Any = None) -> SegmentedSequence:
            stage = monitor.stage("Segmenting", 1)
            stage.finish()
            return SegmentedSequence(sequence, a_phantom.masks, Provenance("segment", model="truth"))

    monkeypatch.setattr("EchoODELib.engine.segment.Segmenter", Segmenter)
    return asked


@pytest.fixture
def quick_registration(monkeypatch: pytest.MonkeyPatch) -> None:
    """A coarse fit: how well motion is followed is tested where registration is."""
    from EchoODELib.engine.registration.settings import Level, RegistrationSettings, SplineSettings

    quick = RegistrationSettings(spline=SplineSettings(levels=(Level(48, 10, 0.02),), steps=4))
    monkeypatch.setattr(RegistrationSettings, "named", classmethod(lambda cls, name: quick))


@pytest.fixture
def empty_mask(tmp_path: Path, a_phantom: PhantomClip) -> Path:
    """A mask of the right size without a labelled pixel."""
    import SimpleITK as sitk  # noqa: N813

    path = tmp_path / "empty.nii.gz"
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros(a_phantom.sequence.shape, np.uint8)), str(path))
    return path


@pytest.fixture
def small_mask(tmp_path: Path) -> Path:
    """A mask of another size."""
    import SimpleITK as sitk  # noqa: N813

    path = tmp_path / "small.nii.gz"
    sitk.WriteImage(sitk.GetImageFromArray(np.ones((40, 50), np.uint8)), str(path))
    return path


@pytest.fixture(scope="session")
def shown_module(load_module: Callable[[Path], Any]) -> Iterator[Any]:
    """The module, loaded; its worker process lasts for all tests and ends with them."""
    import slicer

    load_module(Path(__file__).resolve().parents[2] / "EchoODE" / "EchoODE.py")
    slicer.util.mainWindow().resize(1280, 860)
    yield slicer.modules.echoode
    slicer.modules.echoode.widgetRepresentation().self().logic.close()


@pytest.fixture
def person(shown_module: Any, empty_scene: Any) -> Iterator[Any]:
    """Somebody in front of the module, in an empty scene."""
    import slicer
    from e2e.person import Person

    somebody = Person()
    slicer.util.selectModule("EchoODE")
    somebody.rest()
    somebody.panel.context.messages.clear()
    yield somebody
    somebody.logic.cancel()
    somebody.until_done()
    slicer.mrmlScene.Clear(0)
    slicer.util.moduleSelector().selectModule("")
    somebody.rest()


@pytest.fixture
def bare(person: Any) -> Any:
    """A clip without masks."""
    from e2e.trouble import add, simulated

    return add(person, simulated().sequence)


@pytest.fixture
def worked_on(person: Any) -> Any:
    """A clip with masks, one of them corrected by hand."""
    from e2e.trouble import add, simulated

    study = add(person, simulated().sequence, simulated().masks)
    mask = simulated().masks[0].copy()
    mask[40:46, 44:48] = Label.MYOCARDIUM
    study.setMask(0, mask)
    person.logic.corrected(study, 0)
    person.rest()
    return study


@pytest.fixture
def work(worked_on: Any) -> Iterator[np.ndarray]:
    """The corrected mask, which must be there still and locked when the test is over, where its clip is."""
    mask = worked_on.mask(0).copy()
    yield mask
    if worked_on.exists and worked_on.maskSequenceNode is not None:
        assert worked_on.correctedFrames == (0,)
        np.testing.assert_array_equal(worked_on.mask(0), mask)


@pytest.fixture
def library_put_back(person: Any) -> Iterator[None]:
    """After a reload, the module again on the library that all other tests have imported: its classes are theirs."""
    import slicer

    def loaded() -> dict[str, Any]:
        return {name: module for name, module in sys.modules.items() if name.split(".")[0] == "EchoODELib"}

    before = loaded()
    yield
    person.logic.close()
    for name in loaded():
        del sys.modules[name]
    sys.modules.update(before)
    slicer.util.reloadScriptedModule("EchoODE")
    person.rest()
