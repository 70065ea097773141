"""Display: masks, motion, strain, lines, layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from ..scene.layout import EchoLayout, fitClip
from ..scene.lines import LineWatcher, hideLines
from ..scene.motion import TRACKING
from ..scene.motion_display import hideMotion, showArrows, showGrid
from ..scene.parameters import MaskStyle
from ..scene.strain import hideStrain, showStrain
from .context import Context
from .section import Section, setUsable

if TYPE_CHECKING:
    from ..scene.study import Study


class DisplaySection(Section):
    """The fourth section.

    Attributes
    ----------
    layout: the arrangement of views that the panel and the button install.
    """

    file = "Display"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.layout = EchoLayout()
        self._shown: dict[str, Any] = {}  # what was drawn last -> of what
        self._lines: LineWatcher | None = None
        ui = self.ui
        ui.layoutButton.setIcon(context.icons("Layout"))
        ui.layoutButton.connect("clicked()", self.arrangeViews)
        # Grid and arrows are one drawing: the later choice wins.
        ui.gridCheckBox.connect("toggled(bool)", lambda on: self._exclude(on, ui.arrowsCheckBox))
        ui.arrowsCheckBox.connect("toggled(bool)", lambda on: self._exclude(on, ui.gridCheckBox))

    def arrangeViews(self) -> None:
        """Show the echo large with curve and table, and the clip fitted into its view."""
        self.layout.install()
        if self.context.study is not None:
            study = self.context.study
            self.context.attempt(lambda: fitClip(study))
            self.context.operations.refreshViews(study)

    @staticmethod
    def _exclude(on: bool, other: Any) -> None:
        if on:
            other.checked = False

    def refresh(self, study: Study | None) -> None:
        """See Section."""
        ui, parameters = self.ui, self.context.parameters
        masks = study is not None and study.segmentationNode is not None
        motion = study is not None and study.browserNode.GetNodeReference(TRACKING) is not None
        noMasks = "" if masks else _("There are no masks yet: segment the sequence first.")
        outline = parameters is not None and parameters.contour is MaskStyle.CONTOUR
        notFilled = _("Contours are not filled.") if outline else ""
        noMotion = "" if motion else _("There is no motion yet: propagate first.")
        for widget, tip, reason in (
            (ui.masksCheckBox, _("Show the masks over the echo."), noMasks),
            (ui.maskStyleComboBox, _("Outline, filled, or both."), noMasks),
            (ui.opacitySlider, _("How strongly filled masks cover the echo."), noMasks or notFilled),
            (ui.linesCheckBox, _("Measurement lines on the echo. Drag their ends: the table follows."), noMasks),
            (ui.gridCheckBox, _("The grid of the ED frame, carried along by the motion."), noMotion),
            (ui.arrowsCheckBox, _("Arrows from where tissue was at ED to where it is now, true to scale."), noMotion),
            (ui.strainCheckBox, _("Longitudinal strain as colours on the myocardium."), noMotion),
            (ui.gridSpacingSlider, _("Distance between grid lines and between arrows."), noMotion),
        ):
            setUsable(widget, tip, reason)
        if study is not None and parameters is not None:
            ui.gridSpacingSlider.suffix = " mm" if study.sequence().calibrated else " px"
            self._showMasks(study, parameters)
            self._showMotion(study, parameters)
            self._watchLines(study, parameters)

    def _showMasks(self, study: Study, parameters: Any) -> None:
        node = study.segmentationNode
        display = None if node is None else node.GetDisplayNode()
        if display is None:
            return
        wasModifying = display.StartModify()
        display.SetVisibility(parameters.showMasks)
        display.SetVisibility2DFill(parameters.contour in (MaskStyle.FILL, MaskStyle.BOTH))
        display.SetVisibility2DOutline(parameters.contour in (MaskStyle.CONTOUR, MaskStyle.BOTH))
        display.SetOpacity2DFill(parameters.maskOpacity)
        display.EndModify(wasModifying)

    def _showMotion(self, study: Study, parameters: Any) -> None:
        """Draw what is asked for, but only what changed: it takes a moment."""
        tracking = study.browserNode.GetNodeReference(TRACKING)
        state = None if tracking is None else (tracking, tracking.GetMTime())
        kind = "arrows" if parameters.showArrows else "grid" if parameters.showGrid else ""
        drawn = (study, state, kind, parameters.gridSpacingMm if kind else None) if state and kind else None
        if self._shown.get("motion") != drawn:
            self._shown["motion"] = drawn
            if drawn is None:
                hideMotion(study)
            else:
                (showArrows if kind == "arrows" else showGrid)(study, parameters.gridSpacingMm)
        strain = (study, state, id(study.masks())) if state and parameters.showStrain else None
        if self._shown.get("strain") != strain:
            self._shown["strain"] = strain
            if strain is None:
                hideStrain(study)
            else:
                showStrain(study)

    def _watchLines(self, study: Study, parameters: Any) -> None:
        if self._lines is not None:
            self._lines.end()
        self._lines = None
        if parameters.showLines and study.segmentationNode is not None:
            self._lines = LineWatcher(study, lambda moved, key: self.context.operations.refreshViews(moved))
            self._lines.begin()

    def leave(self, study: Study) -> None:
        """See Section: two clips share the echo's view."""
        self._forget()
        if not study.exists:
            return
        hideMotion(study)
        hideStrain(study)
        hideLines(study)
        node = study.segmentationNode
        if node is not None and node.GetDisplayNode() is not None:
            node.GetDisplayNode().SetVisibility(False)

    def release(self) -> None:
        """See Section."""
        self._forget()

    def _forget(self) -> None:
        self._shown.clear()
        if self._lines is not None:
            self._lines.end()
        self._lines = None
