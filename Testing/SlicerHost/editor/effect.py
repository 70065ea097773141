"""The base of all effects: parameters in the segment editor node, changes through the editor's logic."""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets

from ..pythonqt.emulation import emulated, private


@emulated
class qSlicerSegmentEditorAbstractEffect(QtCore.QObject):
    """One tool of the editor."""

    ModificationModeSet, ModificationModeAdd, ModificationModeRemove, ModificationModeRemoveAll = 0, 1, 2, 3
    _effect_name, _help, _defaults = "", "", {}

    def __init__(self, parent=None, /):
        super().__init__(parent)
        state = private(self)
        state.logic, state.select, state.active = None, None, False
        state.frame = QtWidgets.QFrame()
        state.form = QtWidgets.QFormLayout(state.frame)
        state.form.setContentsMargins(0, 4, 0, 4)
        self._build_options(state.form)

    name = QtCore.Property(str, lambda self: self._effect_name)
    title = QtCore.Property(str, lambda self: self._effect_name)
    perSegment = QtCore.Property(bool, lambda self: True)

    def _build_options(self, form):
        """Put the effect's controls into a form."""

    def _attach(self, logic, select):
        """Use a vtkSlicerSegmentEditorLogic; `select(name)` changes the active effect."""
        self._d.logic, self._d.select = logic, select

    def optionsFrame(self, /):
        """The frame with the effect's controls."""
        return self._d.frame

    def optionsLayout(self, /):
        """The layout of the frame."""
        return self._d.form

    def addOptionsWidget(self, widget, /):
        """Add a control of the caller's."""
        self._d.form.addRow(widget)

    def helpText(self, /):
        """What the effect does."""
        return self._help

    def active(self, /):
        """Whether the effect is the active one."""
        return self._d.active

    def activate(self, /):
        """Called when the effect becomes the active one."""
        self._d.active = True
        self.updateGUIFromMRML()

    def deactivate(self, /):
        """Called when another effect becomes the active one."""
        self._d.active = False

    def selectEffect(self, name, /):
        """Change to another effect; an empty name for none."""
        self._d.select(name)

    # Parameters: "Threshold.MinimumThreshold" is the effect's own, "BrushSphere" is shared by all

    def parameterSetNode(self, /):
        """The vtkMRMLSegmentEditorNode."""
        return self._d.logic.GetSegmentEditorNode() if self._d.logic is not None else None

    def parameterDefined(self, name, /):
        """Whether a parameter was set."""
        node = self.parameterSetNode()
        return node is not None and node.GetAttribute(f"{self._effect_name}.{name}") is not None

    def commonParameterDefined(self, name, /):
        """Whether a parameter of all effects was set."""
        return self.parameterSetNode().GetAttribute(name) is not None

    def parameter(self, name, /):
        """Text of a parameter, the effect's own or one of all effects."""
        node = self.parameterSetNode()
        text = node.GetAttribute(f"{self._effect_name}.{name}") if node is not None else None
        text = node.GetAttribute(name) if text is None and node is not None else text
        return str(self._defaults.get(name, "")) if text is None else text

    def doubleParameter(self, name, /):
        """A parameter as a number."""
        return float(self.parameter(name) or 0.0)

    def integerParameter(self, name, /):
        """A parameter as a whole number."""
        return int(float(self.parameter(name) or 0))

    def setParameter(self, name, value, /):
        """Set a parameter of this effect."""
        self._set_attribute(f"{self._effect_name}.{name}", value)

    def setCommonParameter(self, name, value, /):
        """Set a parameter of all effects."""
        self._set_attribute(name, value)

    def setParameterDefault(self, name, value, /):
        """Set a parameter unless it was set."""
        if not self.parameterDefined(name):
            self.setParameter(name, value)

    def setCommonParameterDefault(self, name, value, /):
        """Set a parameter of all effects unless it was set."""
        if not self.commonParameterDefined(name):
            self.setCommonParameter(name, value)

    def _set_attribute(self, key, value):
        node = self.parameterSetNode()
        if node is not None and node.GetAttribute(key) != str(value):
            node.SetAttribute(key, str(value))
            node.Modified()

    def updateGUIFromMRML(self, /):
        """Show the parameters in the controls."""

    def updateMRMLFromGUI(self, /):
        """Write the controls into the parameters."""

    # Editing

    def scene(self, /):
        """The scene."""
        return self._d.logic.GetMRMLScene()

    def saveStateForUndo(self, /):
        """Remember the segmentation as it is."""
        self._d.logic.SaveStateForUndo()

    def defaultModifierLabelmap(self, /):
        """An empty labelmap over the whole segmentation."""
        self._d.logic.ResetModifierLabelmapToDefault()
        return self._d.logic.GetModifierLabelmap()

    def modifierLabelmap(self, /):
        """The labelmap that holds the next change."""
        return self._d.logic.GetModifierLabelmap()

    def selectedSegmentLabelmap(self, /):
        """The selected segment, over the whole segmentation."""
        self._d.logic.UpdateSelectedSegmentLabelmap()
        return self._d.logic.GetSelectedSegmentLabelmap()

    def sourceVolumeImageData(self, /):
        """The source volume, voxel on voxel with the segmentation."""
        self._d.logic.UpdateAlignedSourceVolume()
        return self._d.logic.GetAlignedSourceVolume()

    def maskLabelmap(self, /):
        """Where editing is not allowed."""
        self._d.logic.UpdateMaskLabelmap()
        return self._d.logic.GetMaskLabelmap()

    def modifySelectedSegmentByLabelmap(self, labelmap, mode, /):
        """Change the selected segment: set it to a labelmap, add it, or remove it. Masks are respected."""
        logic = self._d.logic
        mode = {0: logic.ModificationModeSet, 1: logic.ModificationModeAdd, 2: logic.ModificationModeRemove}[int(mode)]
        node = logic.GetSegmentationNode()
        logic.ModifySegmentByLabelmap(node, logic.GetCurrentSegmentID(), labelmap, mode, True, False)

    # Events of a view; True means that the view shall not see it

    def _press(self, view, xy):
        return False

    def _move(self, view, xy):
        return False

    def _release(self, view, xy):
        return False

    def _right(self, view, xy):
        return False

    def _wheel(self, view, direction):
        return False

    def _key_pressed(self, view, key):
        return False
