"""The part that all widgets with a scene share."""

from __future__ import annotations

from .emulation import private
from .table import TABLE


def scene_widget(cls):
    """Give a widget class `setMRMLScene`, `mrmlScene` and `mrmlSceneChanged` where the real one has them.

    The class may define `_scene_set()`, called after the scene has changed.
    """

    def setMRMLScene(self, scene, /):
        if scene is private(self).__dict__.get("scene"):
            return
        self._d.scene = scene
        if hasattr(self, "_scene_set"):
            self._scene_set()
        if hasattr(type(self), "mrmlSceneChanged"):
            self.mrmlSceneChanged.emit(scene)

    def mrmlScene(self, /):
        return private(self).__dict__.get("scene")

    if "setMRMLScene" not in vars(cls):
        cls.setMRMLScene = setMRMLScene
    if "mrmlScene" not in vars(cls) and TABLE.kind(cls.__name__, "mrmlScene") == "method":
        cls.mrmlScene = mrmlScene
    return cls
