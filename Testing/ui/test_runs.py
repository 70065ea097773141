"""Runs that a person starts and cancels in the panel, in the real worker process."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from SlicerHost.mouse import Qt, QTest

WITHIN_S = 60.0


@pytest.fixture
def until(settle: Callable[..., None]) -> Callable[[Callable[[], bool]], None]:
    """Let the application live until something is so."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not condition():
            assert time.monotonic() < deadline, "it took too long"
            settle(1)
            time.sleep(0.01)
        settle()

    return wait


def test_segment_cancel_segment_export(
    panel: Any, ui: Any, operations: Any, add_clip: Callable[..., Any], until: Any, picture: Any, tmp_path: Path
) -> None:
    study = add_clip(masks=False)
    QTest.mouseClick(ui.segmentButton, Qt.LeftButton)
    assert ui.segmentButton.text == "Cancel"
    assert ui.segmentProgressFrame.visible
    assert not ui.propagateButton.enabled
    picture("ui-running", panel.segment.widget)
    QTest.mouseClick(ui.segmentButton, Qt.LeftButton)
    until(lambda: not operations.busy)
    assert ui.segmentButton.text == "Segment sequence"
    assert study.masks() is None
    assert "ancel" in panel.context.messages.text

    QTest.mouseClick(ui.segmentButton, Qt.LeftButton)
    until(lambda: not operations.busy)
    assert study.masks() is not None
    assert ui.resultsFrame.visible
    assert ui.undoButton.enabled
    assert not ui.segmentProgressFrame.visible

    for box in (ui.exportVideoCheckBox, ui.exportPicturesCheckBox, ui.exportMasksCheckBox):
        box.setChecked(False)
    ui.exportFolderEdit.setCurrentPath(str(tmp_path / "results"))
    QTest.mouseClick(ui.exportButton, Qt.LeftButton)
    until(lambda: not operations.busy)
    assert ui.writtenList.visible
    names = {ui.writtenList.item(row).text() for row in range(ui.writtenList.count)}
    assert names == {path.name for path in (tmp_path / "results").iterdir()}
    assert any(name.endswith(".json") for name in names)
    picture("ui-exported", panel.export.widget)

    QTest.mouseClick(ui.undoButton, Qt.LeftButton)
    until(lambda: True)
    assert not (study.masks() is not None and study.masks().any())
