"""The module's story, with mouse and keys, on a simulated clip and on a real one: from the file to the reloaded scene.

Each step leaves a picture: set ECHOODE_PICTURES to a folder to keep them.
"""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
from EchoODELib.engine.sequence import Label
from EchoODELib.scene.lines import draggedFrames, lineLengths, lineNode
from EchoODELib.scene.motion_display import motionShown
from SlicerHost.mouse import Qt, QTest

NAME = "DOE^JANE"  # as a file could be called


class Story:
    """The steps, each of which looks at the scene and takes a picture."""

    def __init__(self, person: Any, clip: str, picture: Callable[..., Path], folder: Path, monkeypatch: Any) -> None:
        self.person, self.clip, self.folder = person, clip, folder
        self.monkeypatch = monkeypatch
        self._picture, self._count = picture, 0
        self.calibrated = clip == "phantom"

    @property
    def study(self) -> Any:
        return self.person.study

    def picture(self, name: str) -> None:
        self.person.rest()
        self._count += 1
        self._picture(f"story-{self.clip}-{self._count:02d}-{name}")

    # Steps

    def load(self, path: Path | None) -> None:
        """A sample from its menu, or a file; only the system's own file dialog is not played."""
        person = self.person
        if path is None:
            person.pick("sampleDataButton", "Simulated")
        else:
            self.monkeypatch.setattr("qt.QFileDialog.getOpenFileName", lambda *_: str(path))
            person.click("loadClipButton")
            person.select("viewComboBox", "A4C")
        assert self.study is not None, person.told
        assert self.study.sequence().calibrated == self.calibrated
        assert person.view.mrmlSliceNode().GetLayoutName() == "Red"
        said = person.ui.clipInfoLabel.text
        assert f"{self.study.frameCount} frames" in said
        assert ("uncalibrated" in said) != self.calibrated
        self.picture("loaded")

    def segment(self) -> None:
        person = self.person
        person.click("segmentButton")
        assert person.ui.segmentButton.text == "Cancel"
        person.until(lambda: person.logic.progress is not None or not person.logic.busy)
        self.picture("segmenting")
        person.until_done()
        masks = self.study.masks()
        assert masks is not None, person.told
        for label in (Label.LV, Label.MYOCARDIUM, Label.LA):
            assert (masks == label).any(axis=(1, 2)).mean() > 0.9
        assert self.study.edFrames
        assert self.study.esFrames
        assert self.study.provenance().model
        assert "%" in person.ui.efLabel.text
        assert person.logic.measure(self.study).beats
        self.picture("segmented")

    def jump(self) -> None:
        """To an ordinary frame and to ED by the curve, to ES by a key, one on by another."""
        person, study = self.person, self.study
        es = study.esFrames[0]
        person.click_curve(es + 2)
        assert study.frame == es + 2
        person.press(Qt.Key_Left)
        assert study.frame == es + 1
        person.press(Qt.Key_S)
        assert study.frame in study.esFrames
        person.click_curve(study.edFrames[0])
        assert study.frame == study.edFrames[0]
        self.picture("at-ed")

    def correct(self) -> None:
        """Paint LV into the lateral wall at ED, and leave the editor."""
        person, study = self.person, self.study
        frame, before = study.frame, study.masks().copy()
        person.click("editButton")
        assert person.ui.editorFrame.isVisible()
        effect = person.effect("Paint")
        effect.setCommonParameter("BrushUseAbsoluteSize", 0)
        effect.setCommonParameter("BrushRelativeDiameter", 3.0)
        self.path = self.lateral_wall(before[frame])
        person.stroke(self.path)
        assert study.correctedFrames == (frame,)
        mask = study.mask(frame)
        for x, y in self.path:
            assert mask[round(y), round(x)] == Label.LV
        others = np.arange(study.frameCount) != frame
        np.testing.assert_array_equal(study.masks()[others], before[others])
        self.picture("painted")
        person.click("editButton")
        assert not person.ui.editorFrame.isVisible()
        assert person.ui.correctedList.item(0).text() == str(frame)
        self.corrected = study.mask(frame).copy()
        self.picture("corrected")

    @staticmethod
    def lateral_wall(mask: np.ndarray) -> list[tuple[float, float]]:
        """Pixels (x, y) along the right edge of the LV, over a third of its height."""
        rows = np.flatnonzero((mask == Label.LV).any(axis=1))
        span = np.linspace(rows[0] + 0.35 * len(rows), rows[0] + 0.65 * len(rows), 8).round().astype(int)
        return [(float(np.flatnonzero(mask[row] == Label.LV)[-1] + 1), float(row)) for row in span]

    def propagate(self, picture: str = "propagated") -> None:
        person, study = self.person, self.study
        person.click("propagateButton")
        assert person.ui.propagateButton.text == "Cancel"
        person.until(lambda: person.logic.progress is not None or not person.logic.busy)
        self.picture(f"{picture}-soon")
        person.until_done()
        assert study.motion() is not None, person.told
        assert "propagate" in study.provenance().method
        frame = study.correctedFrames[0]
        np.testing.assert_array_equal(study.mask(frame), self.corrected)
        motion = study.motion()
        # What was painted is carried on: the LV of the next frames covers most of the stroke, moved.
        y, x = (np.array(self.path)[:, ::-1]).round().astype(int).T
        assert (study.mask(min(frame + 1, study.frameCount - 1))[y, x - 2] == Label.LV).mean() > 0.7
        assert np.abs(motion.displacement[frame]).max() < 0.5
        assert np.linalg.norm(motion.displacement[study.esFrames[0]], axis=-1).max() > 1.5
        self.picture(picture)

    def watch(self) -> None:
        """The grid, frame by frame, and in playback; then strain."""
        person, study = self.person, self.study
        person.click("gridCheckBox")
        assert motionShown(study) == "grid"
        person.press(Qt.Key_D)
        self.picture("grid-ed")
        before = study.frame
        for _ in range(3):
            person.press(Qt.Key_Right)
        assert study.frame == (before + 3) % study.frameCount
        person.press(Qt.Key_S)
        self.picture("grid-es")
        person.press(Qt.Key_P)
        person.until(lambda: study.frame != study.esFrames[0], 20.0)
        person.press(Qt.Key_P)
        assert not study.browserNode.GetPlaybackActive()
        person.click("gridCheckBox")
        assert motionShown(study) == ""
        person.press(Qt.Key_S)
        person.click("strainCheckBox")
        self.picture("strain-es")
        person.click("strainCheckBox")

    def measure(self) -> None:
        """Drag the apex end of the LV's length at ED."""
        person, study = self.person, self.study
        frame = study.edFrames[0]
        person.click_curve(frame)
        person.click("linesCheckBox")
        before = lineLengths(study)["lv_length"]
        assert before.unit == ("mm" if self.calibrated else "px")
        line = lineNode(study, "lv_length")
        from EchoODELib.scene.geometry import clipAxes

        ends = clipAxes(study.clipNode).toPixels(
            np.array([line.GetNthControlPointPositionWorld(index) for index in (0, 1)])
        )
        top = ends[ends[:, 1].argmin()]
        self.picture("lines")
        person.stroke([(top[0], top[1] + step) for step in (0, 3, 6, 9, 12)])
        after = lineLengths(study)["lv_length"]
        assert draggedFrames(study, "lv_length") == (frame,)
        shorter = before.values[frame] - after.values[frame]
        pixel = study.sequence().spacing[0] if self.calibrated else 1.0
        assert 8 * pixel < shorter < 13 * pixel
        others = np.arange(study.frameCount) != frame
        np.testing.assert_allclose(after.values[others], before.values[others])
        from EchoODELib.scene.tables import FRAMES

        table = study.browserNode.GetNodeReference(FRAMES).GetTable()
        read = 10.0 if self.calibrated else 1.0  # people read centimetres
        assert read * self.in_table(table, frame) == pytest.approx(after.values[frame], abs=0.6)
        self.length = after.values[frame]
        self.picture("line-dragged")

    @staticmethod
    def in_table(table: Any, frame: int) -> float:
        """The length of the LV that the table of frames gives."""
        names = [table.GetColumnName(index) for index in range(table.GetNumberOfColumns())]
        column = next(name for name in names if "length" in name.lower())
        return table.GetValueByName(frame, column).ToDouble()

    def move_es(self) -> None:
        person, study = self.person, self.study
        es, ef = study.esFrames[0], person.ui.efLabel.text
        before = person.logic.measure(study).beats[0].quantities
        person.drag_mark("ES", es, es + 4)
        assert study.esFrames[0] == es + 4
        assert study.phasesByHand
        assert person.ui.efLabel.text != ef
        after = person.logic.measure(study).beats[0].quantities
        name = "ejection_fraction" if "ejection_fraction" in before else "fractional_area_change"
        assert after[name].value < before[name].value
        assert "set by hand" in person.ui.phaseStateLabel.text
        self.picture("es-dragged")

    def export(self) -> None:
        person, folder = self.person, self.folder / "results"
        person.see(person.ui.exportFolderEdit)
        person.ui.exportFolderEdit.setCurrentPath(str(folder))
        person.click("exportSceneCheckBox")
        person.click("exportButton")
        person.until_done()
        files = {path.name: path for path in folder.iterdir()}
        assert person.told.startswith(f"{len(files)} files"), person.told
        self.picture("exported")
        self.look_at(files)

    def look_at(self, files: dict[str, Path]) -> None:
        """Tables can be read, name units and origin, and nobody."""
        study = self.study
        import openpyxl

        frames = next(path for name, path in files.items() if name.endswith(".csv") and "frame" in name)
        lines = [line for line in frames.read_text(encoding="utf-8-sig").splitlines() if not line.startswith("#")]
        rows = list(csv.DictReader(lines))
        assert len(rows) == study.frameCount
        assert [int(row["frame"]) for row in rows if row["corrected"] == "yes"] == list(study.correctedFrames)
        unit = "(mm" if self.calibrated else "(px"
        assert any(unit in column for column in rows[0]), list(rows[0])
        document = json.loads(next(path for name, path in files.items() if name.endswith(".json")).read_text())
        assert "propagate" in json.dumps(document["provenance"])
        book = openpyxl.load_workbook(next(path for name, path in files.items() if name.endswith(".xlsx")))
        cells = [str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row if cell]
        assert any("Research software, not a medical device" in cell for cell in cells)
        assert "Research software, not a medical device" in json.dumps(document)
        assert {"scene.mrb"} <= set(files)
        assert any(name.endswith(".mp4") for name in files)
        for path in files.values():
            assert path.stat().st_size > 0
            packed = zipfile.is_zipfile(path)
            parts = zipfile.ZipFile(path) if packed else None
            texts = [parts.read(name) for name in parts.namelist()] if parts is not None else [path.read_bytes()]
            names = "\n".join([path.name, *(parts.namelist() if parts is not None else ())])
            assert NAME.encode() not in b"\n".join(texts), path.name
            assert NAME not in names

    def save_close_load(self) -> None:
        person = self.person
        before = self.study.result()
        drawn = person.coloured()
        assert drawn > 300
        phases = self.study.edFrames, self.study.esFrames
        scene = self.folder / "evening.mrb"
        assert slicer.util.saveScene(str(scene))
        person.press(Qt.Key_W, Qt.ControlModifier)
        assert person.study is None
        assert not person.ui.segmentButton.isEnabled()
        self.picture("closed")
        slicer.util.loadScene(str(scene))
        person.rest(12)
        study = self.study
        assert study is not None
        after = study.result()
        np.testing.assert_array_equal(after.masks, before.masks)
        np.testing.assert_allclose(after.displacement, before.displacement, atol=0.02)
        assert after.guides == before.guides
        assert after.provenance == before.provenance
        assert (study.edFrames, study.esFrames) == phases
        assert study.phasesByHand
        assert draggedFrames(study, "lv_length") == (study.edFrames[0],)
        assert lineLengths(study)["lv_length"].values[study.edFrames[0]] == pytest.approx(self.length, abs=0.01)
        assert person.coloured() == pytest.approx(drawn, rel=0.1)  # the masks are in the view again
        self.picture("loaded-again")

    def go_on(self) -> None:
        """The correction is locked still, and guides the next run."""
        person, study = self.person, self.study
        frame = study.correctedFrames[0]
        np.testing.assert_array_equal(study.mask(frame), self.corrected)
        person.click("segmentButton")
        person.until_done()
        np.testing.assert_array_equal(study.mask(frame), self.corrected)
        assert study.motion() is None
        self.propagate("gone-on")
        QTest.mouseClick(person.ui.undoButton, Qt.LeftButton)
        person.rest()
        assert study.motion() is None
        np.testing.assert_array_equal(study.mask(frame), self.corrected)
        self.picture("undone")


@pytest.mark.parametrize("clip", ["phantom", "cine"])
def test_from_a_file_to_numbers_and_back_from_a_saved_scene(
    clip: str, person: Any, picture: Any, tmp_path: Path, a4c_cine: Path, monkeypatch: Any
) -> None:
    path = None
    if clip == "cine":
        path = tmp_path / f"{NAME}.dcm"
        path.write_bytes(a4c_cine.read_bytes())
    story = Story(person, clip, picture, tmp_path, monkeypatch)
    story.load(path)
    story.segment()
    story.jump()
    story.correct()
    story.propagate()
    story.watch()
    story.measure()
    story.move_es()
    story.export()
    story.save_close_load()
    story.go_on()
