"""Somebody at mouse and keyboard in front of the module: what tests do to it goes through here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import slicer
from SlicerHost.mouse import Qt, QTest, drag, place_of

from PySide6 import QtCore, QtGui, QtWidgets  # isort: skip

PATIENCE_S = 240.0  # other programs may share the processor


class Person:
    """Clicks, types, drags and waits; reads what the panel says."""

    # What is in front of the person

    @property
    def widget(self) -> Any:
        """The module's widget, which a reload makes anew."""
        return slicer.modules.echoode.widgetRepresentation().self()

    @property
    def panel(self) -> Any:
        return self.widget.panel

    @property
    def ui(self) -> Any:
        """The panel's widgets by name."""
        return self.panel.ui

    @property
    def logic(self) -> Any:
        return self.widget.logic

    @property
    def study(self) -> Any:
        """The clip in view."""
        return self.panel.context.study

    @property
    def told(self) -> str:
        """The message line."""
        return str(self.panel.context.messages.text)

    @property
    def view(self) -> Any:
        """The slice view of the echo."""
        return slicer.app.layoutManager().sliceWidget("Red").sliceView()

    def coloured(self) -> int:
        """Pixels of the echo's view that are not gray: contours, lines, overlays."""
        self.rest()
        image = self.view.grab().toImage().convertToFormat(QtGui.QImage.Format_RGB888)
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
        shown = rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(int)
        return int((np.ptp(shown, axis=-1) > 60).sum())

    @property
    def plot(self) -> Any:
        """The view of the curve."""
        from EchoODELib.scene.layout import PLOT_VIEW

        manager = slicer.app.layoutManager()
        widgets = [manager.plotWidget(index) for index in range(manager.plotViewCount)]
        return next(one.plotView() for one in widgets if one.mrmlPlotViewNode().GetLayoutName() == PLOT_VIEW)

    # Waiting

    def rest(self, rounds: int = 6) -> None:
        """Let the window do what is waiting."""
        for _ in range(rounds):
            slicer.app.processEvents()
            # Widgets that were thrown away go when the program's own loop turns, which here it doesn't.
            QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.DeferredDelete)

    def until(self, condition: Callable[[], object], seconds: float = PATIENCE_S) -> None:
        """Wait for something while the window lives."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"it did not happen in {seconds:.0f} s; the panel says: {self.told!r}"
            slicer.app.processEvents()
            time.sleep(0.005)
        self.rest()

    def until_done(self) -> None:
        """Wait for the run to end."""
        self.until(lambda: not self.logic.busy)

    # The panel

    def see(self, widget: Any) -> None:
        """Scroll the panel to a widget."""
        area = slicer.util.mainWindow().findChild(QtWidgets.QScrollArea, "ModulePanel")
        area.ensureWidgetVisible(widget, 10, 40)
        self.rest()

    def click(self, widget: Any) -> None:
        """Click a widget (or the one of this name) where a person could."""
        widget = getattr(self.ui, widget) if isinstance(widget, str) else widget
        self.see(widget)
        assert widget.isVisible(), f"{widget.objectName} can't be seen"
        assert widget.isEnabled(), f"{widget.objectName} is disabled: {widget.toolTip}"
        # A check box listens where its sign and text are, not over its whole width.
        box = isinstance(widget, QtWidgets.QCheckBox)
        place = QtCore.QPoint(8, widget.height // 2) if box else widget.rect.center()
        QTest.mouseClick(widget, Qt.LeftButton, Qt.NoModifier, place)
        self.rest()

    def pick(self, button: Any, text: str) -> None:
        """Open a button's menu and choose an entry."""
        button = getattr(self.ui, button) if isinstance(button, str) else button
        found: list[str] = []

        def choose() -> None:
            menu = QtWidgets.QApplication.activePopupWidget()
            action = next(one for one in menu.actions() if text in one.text)
            found.append(str(action.text))
            QTest.mouseClick(menu, Qt.LeftButton, Qt.NoModifier, menu.actionGeometry(action).center())

        QtCore.QTimer.singleShot(50, choose)  # an open menu keeps the click's caller waiting
        QTest.mouseClick(button, Qt.LeftButton)
        self.until(lambda: found, 10.0)

    def select(self, combo: Any, text: str) -> None:
        """Choose an entry of a combo box by the keyboard."""
        combo = getattr(self.ui, combo) if isinstance(combo, str) else combo
        combo.setFocus()
        QTest.keyClick(combo, Qt.Key_Home)
        for _ in range(combo.count):
            if combo.currentText == text:
                break
            QTest.keyClick(combo, Qt.Key_Down)
        assert combo.currentText == text
        self.rest()

    def type_into(self, edit: Any, text: str) -> None:
        """Replace a line's text and press Return."""
        edit = getattr(self.ui, edit) if isinstance(edit, str) else edit
        self.see(edit)
        QTest.mouseClick(edit, Qt.LeftButton)
        QTest.keyClick(edit, Qt.Key_A, Qt.ControlModifier)
        QTest.keyClicks(edit, text)
        QTest.keyClick(edit, Qt.Key_Return)
        self.rest()

    def press(self, key: Any, modifiers: Any = Qt.NoModifier) -> None:
        """Press a key in the main window."""
        window = slicer.util.mainWindow()
        window.activateWindow()
        window.setFocus()
        slicer.app.processEvents()
        QTest.keyClick(window, key, modifiers)
        self.rest()

    # The echo

    def place(self, x: float, y: float) -> QtCore.QPoint:
        """Where pixel (x, y) of the clip is in the view."""
        from EchoODELib.scene.geometry import clipAxes

        return place_of(self.view, tuple(clipAxes(self.study.clipNode).toRas(np.array([x, y], float))))

    def stroke(self, pixels: Iterable[tuple[float, float]]) -> None:
        """Drag over the echo with the left button, along pixels of the clip."""
        places = [self.place(*pixel) for pixel in pixels]
        canvas = self.view.VTKWidget()
        QTest.mouseMove(canvas, places[0])
        self.rest()
        drag(canvas, places)
        self.rest()

    def effect(self, name: str) -> Any:
        """Choose an effect of the segment editor by its button."""
        editor = self.ui.segmentEditor
        button = editor.findChild("QToolButton", name)
        self.see(button)
        QTest.mouseClick(button, Qt.LeftButton)
        self.rest()
        assert editor.activeEffect() is not None, f"{name} could not be chosen"
        return editor.activeEffect()

    # The curve

    def series(self) -> list[Any]:
        """What the chart shows."""
        from EchoODELib.scene.curves import chartNode

        chart = chartNode()
        return [chart.GetNthPlotSeriesNode(index) for index in range(chart.GetNumberOfPlotSeriesNodes())]

    def place_on_curve(self, frame: int) -> QtCore.QPoint:
        """Where a frame's point of the curve is in the plot view."""
        from EchoODELib.scene.curves import CURVE

        self.rest(12)
        table = self.study.browserNode.GetNodeReference(CURVE)
        curve = next(one for one in self.series() if one.GetTableNode() is table)
        return self.plot._point_on_screen(curve, frame)

    def click_curve(self, frame: int) -> None:
        """Click the curve at a frame."""
        place = self.place_on_curve(frame)
        QTest.mouseMove(self.plot, place)
        QTest.mouseClick(self.plot, Qt.LeftButton, Qt.NoModifier, place)
        self.rest(12)

    def drag_mark(self, kind: str, old: int, new: int, steps: int = 4) -> None:
        """Drag the ED or ES mark of one frame to another."""
        start, end = self.place_on_curve(old), self.place_on_curve(new)
        path = [
            QtCore.QPoint(round(start.x() + share * (end.x() - start.x())), start.y())
            for share in (np.linspace(0, 1, steps + 1))
        ]
        drag(self.plot, path)
        self.rest(12)
