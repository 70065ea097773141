"""Widgets of the Sequences module: play buttons, seek bar, tool bar."""

from __future__ import annotations

from PySide6 import QtCore, QtGui, QtWidgets

from ..pythonqt.emulation import emulated, private, stored
from ..pythonqt.scene_widget import scene_widget
from .observing import Observer
from .qmrml_base import qMRMLWidget

Pixmap = QtWidgets.QStyle


def _set_shortcut(name):
    return lambda widget, keys: widget._d.buttons[name].setShortcut(QtGui.QKeySequence(keys))


@emulated
@scene_widget
class qMRMLSequenceBrowserPlayWidget(qMRMLWidget):
    """First, previous, play, next, last, loop and frame rate of a sequence browser."""

    RecordingControlsVisible = stored(bool, False)
    PlayPauseShortcut = stored(str, "", _set_shortcut("play"))
    PreviousFrameShortcut = stored(str, "", _set_shortcut("previous"))
    NextFrameShortcut = stored(str, "", _set_shortcut("next"))

    def __init__(self, parent=None, /):
        super().__init__(parent)
        state = private(self)
        state.node, state.observer, state.buttons = None, Observer(self), {}
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        for name, icon, tip, function in (
            ("first", Pixmap.SP_MediaSkipBackward, "First frame", self.onVcrFirst),
            ("previous", Pixmap.SP_MediaSeekBackward, "Previous frame", self.onVcrPrevious),
            ("play", Pixmap.SP_MediaPlay, "Play or pause", self.onVcrPlayPause),
            ("next", Pixmap.SP_MediaSeekForward, "Next frame", self.onVcrNext),
            ("last", Pixmap.SP_MediaSkipForward, "Last frame", self.onVcrLast),
        ):
            button = state.buttons[name] = QtWidgets.QToolButton()
            button.setObjectName(f"pushButton_Vcr{name.capitalize()}")
            button.setIcon(self.style().standardIcon(icon))
            button.setToolTip(tip)
            button.clicked.connect(lambda *_, function=function: function())
            layout.addWidget(button)
        state.loop = QtWidgets.QToolButton()
        state.loop.setIcon(self.style().standardIcon(Pixmap.SP_BrowserReload))
        state.loop.setCheckable(True)
        state.loop.setToolTip("Play again and again")
        state.loop.toggled.connect(lambda on: self.setPlaybackLoopEnabled(on))
        state.rate = QtWidgets.QDoubleSpinBox()
        state.rate.setRange(0.1, 1000.0)
        state.rate.setDecimals(1)
        state.rate.setSuffix(" fps")
        state.rate.valueChanged.connect(lambda rate: self.setPlaybackRateFps(rate))
        layout.addWidget(state.loop)
        layout.addWidget(state.rate)
        self._show_node()

    def setMRMLSequenceBrowserNode(self, node, /):
        """The browser to control."""
        if node is not None and not node.IsA("vtkMRMLSequenceBrowserNode"):
            node = None
        self._d.node = node
        self._d.observer.clear()
        self._d.observer.watch(node, self._show_node)
        self._show_node()

    def _show_node(self):
        state = self._d
        self.setEnabled(state.node is not None)
        if state.node is None:
            return
        playing = bool(state.node.GetPlaybackActive())
        icon = Pixmap.SP_MediaPause if playing else Pixmap.SP_MediaPlay
        state.buttons["play"].setIcon(self.style().standardIcon(icon))
        for widget, value in (
            (state.loop, bool(state.node.GetPlaybackLooped())),
            (state.rate, state.node.GetPlaybackRateFps()),
        ):
            widget.blockSignals(True)
            widget.setChecked(value) if widget is state.loop else widget.setValue(value)
            widget.blockSignals(False)

    def onVcrFirst(self, /):
        """Go to the first frame."""
        if self._d.node is not None:
            self._d.node.SelectFirstItem()

    def onVcrLast(self, /):
        """Go to the last frame."""
        if self._d.node is not None:
            self._d.node.SelectLastItem()

    def onVcrPrevious(self, /):
        """Go one frame back."""
        if self._d.node is not None:
            self._d.node.SelectNextItem(-1)

    def onVcrNext(self, /):
        """Go one frame on."""
        if self._d.node is not None:
            self._d.node.SelectNextItem(1)

    def onVcrPlayPause(self, /):
        """Play, or stop playing."""
        if self._d.node is not None:
            self._d.node.SetPlaybackActive(not self._d.node.GetPlaybackActive())

    def setPlaybackEnabled(self, playing, /):
        """Play or stop."""
        if self._d.node is not None:
            self._d.node.SetPlaybackActive(playing)

    def setPlaybackLoopEnabled(self, looped, /):
        """Begin again after the last frame."""
        if self._d.node is not None:
            self._d.node.SetPlaybackLooped(looped)

    def setPlaybackRateFps(self, rate, /):
        """Frames a second."""
        if self._d.node is not None:
            self._d.node.SetPlaybackRateFps(rate)

    def setPlayPauseShortcut(self, keys, /):
        """Keys that play or pause."""
        self.PlayPauseShortcut = keys

    def setPreviousFrameShortcut(self, keys, /):
        """Keys that go one frame back."""
        self.PreviousFrameShortcut = keys

    def setNextFrameShortcut(self, keys, /):
        """Keys that go one frame on."""
        self.NextFrameShortcut = keys


@emulated
@scene_widget
class qMRMLSequenceBrowserSeekWidget(qMRMLWidget):
    """A slider over the frames, with the frame's index value."""

    def __init__(self, parent=None, /):
        super().__init__(parent)
        state = private(self)
        state.node, state.observer = None, Observer(self)
        state.slider, state.label = QtWidgets.QSlider(QtCore.Qt.Horizontal), QtWidgets.QLabel()
        state.slider.setObjectName("slider_IndexValue")
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(state.slider, 1)
        layout.addWidget(state.label)
        state.slider.valueChanged.connect(lambda item: self.setSelectedItemNumber(item))
        self._show_node()

    def setMRMLSequenceBrowserNode(self, node, /):
        """The browser to control."""
        if node is not None and not node.IsA("vtkMRMLSequenceBrowserNode"):
            node = None
        self._d.node = node
        self._d.observer.clear()
        self._d.observer.watch(node, self._show_node)
        self._show_node()

    def setSelectedItemNumber(self, item, /):
        """Go to a frame."""
        if self._d.node is not None and item != self._d.node.GetSelectedItemNumber():
            self._d.node.SetSelectedItemNumber(item)

    def slider(self, /):
        """The slider."""
        return self._d.slider

    def _show_node(self):
        state, node = self._d, self._d.node
        master = node.GetMasterSequenceNode() if node is not None else None
        self.setEnabled(master is not None and node.GetNumberOfItems() > 0)
        if master is None:
            state.label.setText("")
            return
        item = node.GetSelectedItemNumber()
        state.slider.blockSignals(True)
        state.slider.setRange(0, max(0, node.GetNumberOfItems() - 1))
        state.slider.setValue(max(0, item))
        state.slider.blockSignals(False)
        state.label.setText(f"{node.GetFormattedIndexValue(item)} {master.GetIndexUnit() or ''}" if item >= 0 else "")


@emulated
@scene_widget
class qMRMLSequenceBrowserToolBar(QtWidgets.QToolBar):
    """Play and seek in a tool bar."""

    mrmlSceneChanged = QtCore.Signal(object)
    activeBrowserNodeChanged = QtCore.Signal(object)

    def __init__(self, parent=None, /):
        super().__init__(parent)
        state = private(self)
        state.play, state.seek, state.node = qMRMLSequenceBrowserPlayWidget(), qMRMLSequenceBrowserSeekWidget(), None
        self.addWidget(state.play)
        self.addWidget(state.seek)

    def setActiveBrowserNode(self, node, /):
        """The browser to control."""
        if node is not self._d.node:
            self._d.node = node
            self._d.play.setMRMLSequenceBrowserNode(node)
            self._d.seek.setMRMLSequenceBrowserNode(node)
            self.activeBrowserNodeChanged.emit(node)

    def activeBrowserNode(self, /):
        """The browser that is controlled."""
        return self._d.node
