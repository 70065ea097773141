"""Fixtures that all rooms share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The developers' folder of real clips (camus_4ch/, dicom/); the test is skipped where it is absent."""
    named = os.environ.get("ECHOODE_TEST_DATA")
    folder = Path(named) if named else _REPOSITORY.parent / "shared" / "data"
    if not (folder / "dicom").is_dir():
        pytest.skip("the shared test data is absent; set ECHOODE_TEST_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def camus_patients(shared_data: Path) -> list[Path]:
    """Folders of the validation patients, each with ED and ES and their masks."""
    return sorted((shared_data / "camus_4ch" / "valid").glob("patient*"))


@pytest.fixture(scope="session")
def a4c_cine() -> Path:
    """A real apical four-chamber cine of 30 frames that pydicom's wheel carries."""
    import pydicom.examples

    return Path(pydicom.examples.get_path("ybr_color"))
