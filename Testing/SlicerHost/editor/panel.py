"""The parts of the segment editor, from the choice of nodes down to the masks."""

from __future__ import annotations

from PySide6 import QtWidgets

from ..widgets.node_selector import qMRMLNodeComboBox
from ..widgets.segment_widgets import qMRMLSegmentsTableView
from .masking import MaskingSection


def build_panel(editor):
    """Make the parts of a qMRMLSegmentEditorWidget and lay them out from top to bottom."""
    state, layout = editor._d, QtWidgets.QVBoxLayout(editor)
    layout.setContentsMargins(0, 0, 0, 0)
    state.segmentations, state.segmentation_row = _selector("Segmentation:", "vtkMRMLSegmentationNode", True)
    state.volumes, state.volume_row = _selector("Source volume:", "vtkMRMLScalarVolumeNode", False)
    state.segmentations.setObjectName("SegmentationNodeComboBox")
    state.volumes.setObjectName("SourceVolumeNodeComboBox")
    state.segmentations.connect("currentNodeChanged(vtkMRMLNode*)", editor._segmentation_chosen)
    state.volumes.connect("currentNodeChanged(vtkMRMLNode*)", editor._volume_chosen)
    state.segment_buttons = QtWidgets.QWidget()
    buttons = QtWidgets.QHBoxLayout(state.segment_buttons)
    buttons.setContentsMargins(0, 0, 0, 0)
    state.add, state.remove = QtWidgets.QPushButton("Add"), QtWidgets.QPushButton("Remove")
    state.add.setObjectName("AddSegmentButton")
    state.remove.setObjectName("RemoveSegmentButton")
    state.add.clicked.connect(lambda *_: state.logic.AddEmptySegment())
    state.remove.clicked.connect(lambda *_: state.logic.RemoveSelectedSegment())
    for button in (state.add, state.remove):
        buttons.addWidget(button)
    state.table = qMRMLSegmentsTableView()
    state.table.setObjectName("SegmentsTableView")
    state.table.setSelectionMode(QtWidgets.QAbstractItemView.SingleSelection)
    state.table.setMaximumHeight(150)
    state.table.connect("selectionChanged(QItemSelection,QItemSelection)", editor._segment_chosen)
    state.effect_box = QtWidgets.QGroupBox("Effects")
    state.effect_grid = QtWidgets.QGridLayout(state.effect_box)
    state.group = QtWidgets.QButtonGroup(editor)
    state.history = QtWidgets.QWidget()
    history = QtWidgets.QHBoxLayout(state.history)
    history.setContentsMargins(0, 0, 0, 0)
    state.undo, state.redo = QtWidgets.QToolButton(), QtWidgets.QToolButton()
    for button, text, function in ((state.undo, "Undo", editor.undo), (state.redo, "Redo", editor.redo)):
        button.setText(text)
        button.setObjectName(f"{text}Button")
        button.clicked.connect(lambda *_, function=function: function())
        history.addWidget(button)
    history.addStretch(1)
    state.options = QtWidgets.QStackedWidget()
    state.options.setSizePolicy(QtWidgets.QSizePolicy.Preferred, QtWidgets.QSizePolicy.Maximum)
    state.options.addWidget(QtWidgets.QWidget())
    for effect in state.effects.values():
        state.options.addWidget(effect.optionsFrame())
    state.masking = MaskingSection()
    for part in (
        state.segmentation_row,
        state.volume_row,
        state.segment_buttons,
        state.table,
        state.effect_box,
        state.history,
        state.options,
        state.masking,
    ):
        layout.addWidget(part)


def _selector(label, node_type, add):
    row = QtWidgets.QWidget()
    layout = QtWidgets.QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    selector = qMRMLNodeComboBox()
    selector.nodeTypes = [node_type]
    selector.addEnabled, selector.noneEnabled, selector.renameEnabled = add, True, add
    layout.addWidget(QtWidgets.QLabel(label))
    layout.addWidget(selector, 1)
    return selector, row
