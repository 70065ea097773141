"""`slicer.app`: a QApplication with the API of Slicer's."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

from PySide6 import QtCore, QtWidgets

from ..pythonqt.emulation import emulated, private
from .backend import Backend
from .hierarchy import HierarchyFiller
from .io_manager import qSlicerIOManager
from .modules import qSlicerLoadableModule, qSlicerModuleManager

VERSION = (5, 13, 0)  # of the Slicer whose libraries the wheel holds
REVISION = "31053"
PLAYBACK_TIMER_MS = 10
TOOLS = Path(__file__).resolve().parent.parent


@emulated
class qSlicerApplication(QtWidgets.QApplication):
    """The application object. There is one a process."""

    startupCompleted = QtCore.Signal()
    mrmlSceneChanged = QtCore.Signal(object)
    renderPaused = QtCore.Signal(bool)

    def __init__(self, arguments, testing=True, /):
        super().__init__(arguments)
        private(self).backend = Backend()
        self._d.io_manager = qSlicerIOManager(self._d.backend)
        self._d.layout_manager = self._d.main_window = None
        self._d.started = False
        folder = Path(tempfile.mkdtemp(prefix="settings-", dir=self._d.backend.temporary_path))
        self._d.settings = QtCore.QSettings(str(folder / "Slicer.ini"), QtCore.QSettings.IniFormat)
        self._d.options = SimpleNamespace(noMainWindow=False, testingEnabled=testing, runPythonAndExit=False)

    def _start(self):
        """The part that needs `slicer.app` to exist."""
        backend = self._d.backend
        self._d.module_manager = qSlicerModuleManager()
        for name, logic in backend.logics.items():
            self._d.module_manager._add(qSlicerLoadableModule(name, logic))
        self._d.hierarchy = HierarchyFiller(backend.scene)
        self._d.playback = QtCore.QTimer(self)
        self._d.playback.timeout.connect(backend.logics["Sequences"].UpdateAllProxyNodes)
        self._d.playback.start(PLAYBACK_TIMER_MS)

    def _complete_startup(self):
        """Tell those who wait for it, once each: in Slicer it comes once, the host also loads modules later."""
        self._d.started = True
        self.startupCompleted.emit()
        self.disconnect("startupCompleted()")

    def mrmlScene(self, /):
        """The vtkMRMLScene."""
        return self._d.backend.scene

    def applicationLogic(self, /):
        """The vtkSlicerApplicationLogic."""
        return self._d.backend.application_logic

    def moduleLogic(self, name, /):
        """Logic of a module."""
        return self._d.backend.application_logic.GetModuleLogic(name)

    def moduleManager(self, /):
        """The qSlicerModuleManager."""
        return self._d.module_manager

    def ioManager(self, /):
        """The qSlicerIOManager."""
        return self._d.io_manager

    def coreIOManager(self, /):
        """The qSlicerIOManager."""
        return self._d.io_manager

    def layoutManager(self, /):
        """The qSlicerLayoutManager; None without a main window."""
        return self._d.layout_manager

    def userSettings(self, /):
        """Settings of the user: in the host a file that goes with the process."""
        return self._d.settings

    def revisionUserSettings(self, /):
        """Settings of the user for this revision."""
        return self._d.settings

    def settings(self, /):
        """Settings of the user."""
        return self._d.settings

    def commandOptions(self, /):
        """The command line's options."""
        return self._d.options

    def startupEnvironment(self, /):
        """The environment that the process was started with."""
        return QtCore.QProcessEnvironment.systemEnvironment()

    def processEvents(self, *arguments):
        """Let Qt handle what is waiting."""
        QtWidgets.QApplication.processEvents()

    def testingEnabled(self, /):
        """Whether dialogs that would wait for a person are logged instead of shown."""
        return self._d.options.testingEnabled

    def pauseRender(self, /):
        """Hold renders of all views; pauses count."""
        self.setRenderPaused(True)

    def resumeRender(self, /):
        """End one pause."""
        self.setRenderPaused(False)

    def setRenderPaused(self, paused, /):
        """Pause or resume all views."""
        if self._d.layout_manager is not None:
            self._d.layout_manager.setRenderPaused(paused)
        self.renderPaused.emit(paused)

    def loadFiles(self, paths, /):
        """Load files, each with the reader for its kind. True when all were loaded."""
        manager, results = self._d.io_manager, []
        for path in paths:
            kind = manager.fileType(path)
            results.append(kind != "NoFile" and bool(manager.loadNodes(kind, {"fileName": str(path)})))
        return bool(results) and all(results)

    def restart(self, /):
        """Slicer would start again; the host ends."""
        self.quit()

    def toSlicerHomeAbsolutePath(self, path, /):
        """A path below Slicer's home."""
        return str(Path(self.slicerHome) / path)

    def moduleDocumentationUrl(self, name, /):
        """Address of a module's page in the manual."""
        return f"{self.documentationBaseUrl}/user_guide/modules/{name.lower()}.html"

    majorVersion = QtCore.Property(int, lambda self: VERSION[0])
    minorVersion = QtCore.Property(int, lambda self: VERSION[1])
    revision = QtCore.Property(str, lambda self: REVISION)
    repositoryRevision = QtCore.Property(str, lambda self: REVISION)
    mainApplicationName = QtCore.Property(str, lambda self: "Slicer")
    mainApplicationRevision = QtCore.Property(str, lambda self: REVISION)
    mainApplicationMajorVersion = QtCore.Property(int, lambda self: VERSION[0])
    mainApplicationMinorVersion = QtCore.Property(int, lambda self: VERSION[1])
    temporaryPath = QtCore.Property(str, lambda self: str(self._d.backend.temporary_path))
    cachePath = QtCore.Property(str, lambda self: _folder(self._d.backend.temporary_path / "cache"))
    defaultScenePath = QtCore.Property(str, lambda self: str(Path.home()))
    slicerHome = QtCore.Property(str, lambda self: str(TOOLS))
    slicerSharePath = QtCore.Property(str, lambda self: "share/Slicer-5.13")
    extensionsInstallPath = QtCore.Property(str, lambda self: "")
    isCustomMainApplication = QtCore.Property(bool, lambda self: False)
    isInstalled = QtCore.Property(bool, lambda self: True)
    os = QtCore.Property(
        str, lambda self: {"linux": "linux", "darwin": "macosx", "win32": "win"}.get(sys.platform, sys.platform)
    )
    arch = QtCore.Property(str, lambda self: "amd64")
    documentationBaseUrl = QtCore.Property(str, lambda self: "https://slicer.readthedocs.io/en/latest")
    documentationVersion = QtCore.Property(str, lambda self: "latest")


def _folder(path: Path) -> str:
    path.mkdir(exist_ok=True)
    return str(path)
