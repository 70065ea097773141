"""The module in the host's window, and hands on its mouse."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TESTING = Path(__file__).resolve().parents[1]
if str(TESTING) not in sys.path:
    sys.path.append(str(TESTING))  # for `import SlicerHost`
MODULE = TESTING.parent / "EchoODE" / "EchoODE.py"
SIZE = (1600, 1000)
ECHO = "Red"


class Window:
    """The host with the module shown, started at once; there is one a process.

    Attributes
    ----------
    import_s, setup_s: s for the module's file with all that it imports, and until its panel is shown.
    """

    def __init__(self) -> None:
        import SlicerHost

        SlicerHost.start()
        import slicer

        window = slicer.util.mainWindow()
        window.resize(*SIZE)
        window.show()
        slicer.app.processEvents()
        begun = time.perf_counter()
        SlicerHost.load_module(MODULE)
        loaded = time.perf_counter()
        slicer.util.selectModule("EchoODE")
        slicer.app.processEvents()
        self.import_s, self.setup_s = loaded - begun, time.perf_counter() - loaded
        self.widget = slicer.modules.echoode.widgetRepresentation().self()

    @property
    def operations(self) -> Any:
        """The module's logic."""
        return self.widget.logic

    @property
    def ui(self) -> Any:
        """All widgets of the panel by name."""
        return self.widget.panel.ui

    @property
    def study(self) -> Any:
        """The clip in view."""
        return self.widget.panel.context.study

    @property
    def parameters(self) -> Any:
        """The panel's parameter node."""
        return self.widget.panel.context.parameters

    @property
    def ready(self) -> bool:
        """Whether no run is under way."""
        return not self.operations.busy

    def click(self, name: str) -> None:
        """Click a button of the panel.

        Raises
        ------
        RuntimeError: it can't be clicked.
        """
        from SlicerHost.mouse import Qt, QTest

        button = getattr(self.ui, name)
        if not button.enabled:
            raise RuntimeError(f"{name} is disabled: {button.toolTip}")
        QTest.mouseClick(button, Qt.LeftButton)

    def load(self, path: Path) -> Any:
        """Load a clip and show it, alone in the scene; returns its study."""
        study = self.operations.loadClip(path)
        self.widget.panel.setStudy(study)
        return study

    def clear(self) -> None:
        """Close the scene."""
        import slicer

        slicer.mrmlScene.Clear(0)
        slicer.app.processEvents()

    def on_echo_drawn(self, function: Callable[[], None]) -> Callable[[], None]:
        """Call a function whenever the echo was drawn; returns what ends that."""
        import slicer

        window = slicer.app.layoutManager().sliceWidget(ECHO).sliceView().renderWindow()
        tag = window.AddObserver("EndEvent", lambda *_: function())
        return lambda: window.RemoveObserver(tag)

    def plot_view(self) -> Any:
        """The curve's view."""
        import slicer
        from EchoODELib.scene.layout import PLOT_VIEW

        manager = slicer.app.layoutManager()
        widgets = [manager.plotWidget(index) for index in range(manager.plotViewCount)]
        return next(one.plotView() for one in widgets if one.mrmlPlotViewNode().GetLayoutName() == PLOT_VIEW)

    def message(self) -> str:
        """What the last run ended with."""
        return str(self.operations.message)

    def close(self) -> None:
        """End the worker, and leave the module."""
        self.operations.cancel()
        self.operations.wait()
        self.operations.close()
        self.clear()
