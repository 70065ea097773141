"""qMRMLWidget and qSlicerWidget: plain widgets that know the scene."""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets

from ..pythonqt.emulation import emulated
from ..pythonqt.scene_widget import scene_widget


@emulated
@scene_widget
class qMRMLWidget(QtWidgets.QWidget):
    """A widget with a scene."""

    mrmlSceneChanged = QtCore.Signal(object)


@emulated
@scene_widget
class qSlicerWidget(QtWidgets.QWidget):
    """A widget with a scene, of the application's library."""

    mrmlSceneChanged = QtCore.Signal(object)
