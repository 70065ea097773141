"""What the views show of the run in view: its curves, and its pictures, among which a slider chooses."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from ..module import recipes
from ..module.curves import Curves
from ..module.operations import TrainingOperations
from ..module.recipes import SEGMENTATION
from ..module.run_folder import Run
from ..module.views import RunLayout, clear_views, hide_preview, preview_size, show_curves, show_preview
from ..run_files import RECIPE


class RunViews:
    """Draws the followed run.

    Parameters
    ----------
    ui: holds ``previewFrame`` with ``previewSlider`` and ``previewEpochLabel``.

    Attributes
    ----------
    layout: of the views, for the run that was drawn last.
    """

    def __init__(self, operations: TrainingOperations, ui: Any) -> None:
        self._operations, self._ui = operations, ui
        self.layout = RunLayout()
        self._curves: tuple[Run, Curves] | None = None
        self._task = ""  # of the run that the curves are of, "" while its recipe can't be read
        self._shown: tuple[Any, ...] = ()  # picture in the view, and the view's size
        ui.previewSlider.connect("valueChanged(int)", self._onSlider)

    def draw(self) -> None:
        """Draw curves and picture."""
        run, status = self._operations.run, self._operations.status
        if run is None or status is None:
            clear_views()
            self.forget()
            return
        if self._curves is None or self._curves[0] != run:
            self._curves, self._task = (run, Curves(run)), ""
        if not self._task:
            self._task = _task(run)
            if self.layout.installed:  # unless a person has chosen another one
                self.arrange()
        show_curves(self._curves[1].update(), status.steps, run.name, self._task or SEGMENTATION)
        self._drawPicture()

    def arrange(self) -> None:
        """Arrange the views for the run that was drawn last."""
        self.layout.install(self._task or SEGMENTATION)

    def forget(self) -> None:
        """The views' nodes are gone."""
        self._shown = ()

    def refresh(self) -> None:
        """Let the slider reach all pictures that there are; who looks at the latest goes on to do so."""
        ui, pictures = self._ui, self._pictures()
        ui.previewFrame.setVisible(bool(pictures))
        if not pictures:
            return
        slider, last = ui.previewSlider, len(pictures) - 1
        latest = slider.value >= slider.maximum
        blocked = slider.blockSignals(True)
        slider.maximum = last
        if latest or slider.value > last:
            slider.value = last
        slider.blockSignals(blocked)
        slider.enabled = last > 0
        ui.previewEpochLabel.text = str(int(pictures[slider.value].stem.removeprefix("epoch-")))

    def _pictures(self) -> list[Path]:
        run = self._operations.run
        return [] if run is None else run.previews()

    def _drawPicture(self) -> None:
        pictures = self._pictures()
        if not pictures:
            if self._shown:
                hide_preview()
            self.forget()
            return
        path = pictures[min(self._ui.previewSlider.value, len(pictures) - 1)]
        wanted = (path, preview_size())
        if wanted != self._shown and show_preview(path):
            self._shown = wanted

    def _onSlider(self, value: int) -> None:
        self.refresh()
        self._drawPicture()


def _task(run: Run) -> str:
    """What a run's network is for, "" before its recipe can be read."""
    path = run.folder / RECIPE
    if not path.is_file() or not recipes.can_read():
        return ""
    with suppress(recipes.UnusableRecipe):
        return recipes.task_of(recipes.read(path))
    return ""
