"""The part of Slicer that needs no windows: MRML scene, application logic and the logic of each loadable module."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import slicer
import vtk

# Module name as in slicer.modules, and its logic's class. The order is that of their dependencies.
MODULE_LOGICS = {
    "Colors": "vtkSlicerColorLogic",
    "Units": "vtkSlicerUnitsLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Terminologies": "vtkSlicerTerminologiesModuleLogic",
    "Cameras": "vtkSlicerCamerasModuleLogic",
    "Data": "vtkSlicerDataModuleLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Models": "vtkSlicerModelsLogic",
    "Plots": "vtkSlicerPlotsLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Texts": "vtkSlicerTextsLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Volumes": "vtkSlicerVolumesLogic",
    "ViewControllers": "vtkSlicerViewControllersLogic",
    "VolumeRendering": "vtkSlicerVolumeRenderingLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Sequences": "vtkSlicerSequencesLogic",
    "CropVolume": "vtkSlicerCropVolumeLogic",
    "SceneViews": "vtkSlicerSceneViewsModuleLogic",
    "Reformat": "vtkSlicerReformatLogic",
}
# Logics that complain at start about share data that the wheel doesn't bring.
WITHOUT_FILES = ("Colors", "Terminologies", "Units")


class Backend:
    """Owns the scene and the logics, in the state that Slicer has after start-up.

    Attributes:
        scene: the vtkMRMLScene.
        application_logic: the vtkSlicerApplicationLogic.
        logics: module name -> logic.
        temporary_path: folder for this process, removed by `close`.
    """

    def __init__(self) -> None:
        self.temporary_path = Path(tempfile.mkdtemp(prefix="SlicerHost-"))
        self.scene = slicer.vtkMRMLScene()
        self.application_logic = slicer.vtkSlicerApplicationLogic()
        self.application_logic.SetTemporaryPath(str(self.temporary_path))
        self.application_logic.SetHomeDirectory(str(self.temporary_path))
        self.application_logic.SetShareDirectory("share")
        crosshair = slicer.vtkMRMLCrosshairNode()
        crosshair.SetCrosshairName("default")
        self.scene.AddNode(crosshair)
        self.application_logic.SetMRMLScene(self.scene)
        self._connect_file_access()
        self.application_logic.SetSliceLogics(vtk.vtkCollection())
        self.application_logic.SetViewLogics(vtk.vtkCollection())
        for factory in ("vtkMRMLThreeDViewDisplayableManagerFactory", "vtkMRMLSliceViewDisplayableManagerFactory"):
            getattr(slicer, factory).GetInstance().SetMRMLApplicationLogic(self.application_logic)
        self.logics: dict[str, Any] = {}
        for name, class_name in MODULE_LOGICS.items():
            self._add_module_logic(name, getattr(slicer, class_name))
        self.add_default_nodes()

    def add_default_nodes(self) -> None:
        """Nodes that Slicer always has: colour tables and the presets of slice orientation."""
        self.application_logic.GetColorLogic().AddDefaultColorNodes()
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(self.scene, True)

    def _connect_file_access(self) -> None:
        """Reading a scene goes through a cache of remote files, even for files on disk."""
        self._remote = slicer.vtkMRMLRemoteIOLogic()
        cache = self.temporary_path / "RemoteIO"
        cache.mkdir()
        self._remote.GetCacheManager().SetRemoteCacheDirectory(str(cache))
        self._data_manager = slicer.vtkDataIOManagerLogic()
        self._data_manager.SetMRMLApplicationLogic(self.application_logic)
        self._data_manager.SetAndObserveDataIOManager(self._remote.GetDataIOManager())
        self.application_logic.SetMRMLSceneDataIO(self.scene, self._remote, self._data_manager)

    def _add_module_logic(self, name: str, logic_class: Any) -> None:
        logic = logic_class()
        share = self.temporary_path / "share" / name  # the wheel brings no share data; logics want a folder
        share.mkdir(parents=True)
        if hasattr(logic, "SetModuleShareDirectory"):
            logic.SetModuleShareDirectory(str(share))
        before = vtk.vtkLogger.GetCurrentVerbosityCutoff()
        if name in WITHOUT_FILES:
            vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_OFF)
        logic.SetMRMLApplicationLogic(self.application_logic)
        logic.SetMRMLScene(self.scene)
        vtk.vtkLogger.SetStderrVerbosity(before)
        if name == "Colors":
            self.application_logic.SetColorLogic(logic)
        self.application_logic.SetModuleLogic(name, logic)
        self.logics[name] = logic

    def close(self) -> None:
        """Empty the scene and remove the temporary folder."""
        self.scene.Clear(1)
        shutil.rmtree(self.temporary_path, ignore_errors=True)
