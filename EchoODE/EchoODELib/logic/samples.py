"""Sample clips for first steps: a simulated one with known truth, and a real apical four-chamber cine."""

from __future__ import annotations

from ..scene.clip import createClip
from ..scene.study import Study
from .dependencies import ensureReading

CATEGORY = "EchoODE"
PHANTOM, CINE = "EchoPhantomA4C", "EchoCineA4C"


def phantomClip() -> Study:
    """A simulated apical four-chamber clip of 60 frames; its ejection fraction is 60 %."""
    ensureReading()
    from ..engine.phantom import PhantomSettings, simulate

    return createClip(simulate(PhantomSettings(frames=60, ejection_fraction=60.0)).sequence, "Simulated A4C")


def cineClip() -> Study:
    """The real apical four-chamber cine that comes with the Python package pydicom; it is uncalibrated."""
    ensureReading()
    from pydicom.examples import get_path

    from ..engine.io import read_clip
    from ..engine.sequence import View

    return createClip(read_clip(get_path("ybr_color"), view=View.A4C), "Real A4C cine")


def registerSampleData(thumbnails: str) -> None:
    """Put both clips into Slicer's Sample Data module.

    Parameters
    ----------
    thumbnails: pattern of the pictures' paths, with ``{}`` for the clip's name.
    """
    from SampleData import SampleDataLogic

    for name, title, load in ((PHANTOM, "Simulated A4C", phantomClip), (CINE, "Real A4C cine", cineClip)):
        SampleDataLogic.registerCustomSampleDataSource(
            category=CATEGORY,
            sampleName=name,
            sampleDescription=title,
            thumbnailFileName=thumbnails.format(name),
            customDownloader=lambda source, load=load: [load().browserNode],
        )


def loadSample(name: str) -> Study:
    """Load :data:`PHANTOM` or :data:`CINE`."""
    return {PHANTOM: phantomClip, CINE: cineClip}[name]()
