"""Fixtures that all rooms share: data, and the Slicer host, started once for all tests that ask for it."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

_TESTING = Path(__file__).resolve().parent
_REPOSITORY = _TESTING.parent
if str(_TESTING) not in sys.path:
    sys.path.append(str(_TESTING))  # for `import SlicerHost`
# Found, not imported: the host imports PySide6 in its own way, and tests of the engine need neither.
_MISSING = [name for name in ("slicer_core", "PySide6") if importlib.util.find_spec(name) is None]
_REASON = f"{', '.join(_MISSING)} missing, see requirements/host.txt"
_NEEDS_HOST = re.compile(
    r"^(?:import|from) (?:SlicerHost|slicer|vtk|qt|ctk|PySide6|EchoODELib\.(?:scene|logic|ui))\b", re.MULTILINE
)


def pytest_configure(config: pytest.Config) -> None:
    """Qt 6 calls `event.pos()` deprecated; Qt 5 has nothing else, and the host speaks both."""
    config.addinivalue_line("filterwarnings", "ignore:Function. 'Q.*deprecated:DeprecationWarning")


def pytest_report_header() -> str:
    """Say why nothing is tested in the Slicer host, if so."""
    return f"tests in SlicerHost are left out: {_REASON}" if _MISSING else "tests in SlicerHost are run"


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out files that could not even be imported without the host's packages."""
    if not _MISSING or collection_path.suffix != ".py" or not collection_path.name.startswith("test_"):
        return None
    return True if _NEEDS_HOST.search(collection_path.read_text(encoding="utf-8")) else None


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


@pytest.fixture(scope="session")
def slicer_app() -> Any:
    """The Slicer host's application (`slicer.app`) with its main window shown; started by the first test that asks."""
    if _MISSING:
        pytest.skip(_REASON)
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    import SlicerHost

    application = SlicerHost.start()
    import slicer

    window = slicer.util.mainWindow()
    window.resize(1100, 760)
    window.show()
    return application


@pytest.fixture(scope="session")
def load_module(slicer_app: Any) -> Callable[[Path], Any]:
    """`load_module(file)` loads a scripted module into the host, once, and gives its qSlicerScriptedLoadableModule."""
    import SlicerHost

    return SlicerHost.load_module


@pytest.fixture
def settle(slicer_app: Any) -> Callable[..., None]:
    """`settle()` lets Qt do what is waiting: layout, paint, coalesced renders."""

    def wait(rounds: int = 4) -> None:
        for _ in range(rounds):
            slicer_app.processEvents()

    return wait


@pytest.fixture
def empty_scene(slicer_app: Any, settle: Callable[..., None]) -> Iterator[Any]:
    """The application's vtkMRMLScene, empty before and after."""
    slicer_app.mrmlScene().Clear(0)
    settle()
    yield slicer_app.mrmlScene()
    slicer_app.mrmlScene().Clear(0)
    settle()


@pytest.fixture
def picture(settle: Callable[..., None], tmp_path: Path) -> Callable[..., Path]:
    """`picture(name, widget=None)` saves a PNG of the main window, or of a widget, and gives its path.

    Pictures go to the folder that ECHOODE_PICTURES names, or else to the test's temporary folder.
    """
    folder = Path(os.environ.get("ECHOODE_PICTURES") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)

    def save(name: str, widget: Any = None) -> Path:
        import slicer

        settle()
        path = folder / f"{name}.png"
        assert (widget or slicer.util.mainWindow()).grab().save(str(path)), f"{path} could not be written"
        return path

    return save
