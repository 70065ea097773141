"""A scripted module's life in the host: load, enter, work, save, close, load, reload."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from SlicerHost.mouse import Qt, QTest, drag, place_of


def test_the_module_is_where_slicer_has_it(app: Any, editor_module: Any) -> None:
    import slicer

    module = slicer.modules.clipeditor
    assert (module.name, module.title, module.categories) == ("ClipEditor", "Clip editor", ["Cardiac"])
    assert slicer.util.getModuleWidget("ClipEditor") is editor_module is slicer.modules.ClipEditorWidget
    assert slicer.util.getModuleLogic("ClipEditor") is editor_module.logic
    assert slicer.util.selectedModule() == "ClipEditor"


def test_enter_and_exit_are_told(editor_module: Any) -> None:
    import slicer

    editor_module.events.clear()
    slicer.util.moduleSelector().selectModule("")
    slicer.util.selectModule("ClipEditor")
    assert editor_module.events == ["exit", "enter"]


def test_the_story_of_a_correction(
    a_browser: Any, editor_module: Any, a_slice_view: Any, tmp_path: Path, settle: Any
) -> None:
    import slicer

    a_browser.SetSelectedItemNumber(2)
    QTest.mouseClick(editor_module.ui.editor.findChild("QToolButton", "Paint"), Qt.LeftButton)
    editor_module.ui.editor.activeEffect().setCommonParameter("BrushRelativeDiameter", 20)
    drag(a_slice_view.VTKWidget(), [place_of(a_slice_view, (x, -16.0, 0.0)) for x in (-12.0, -20.0, -28.0)])
    area = editor_module.logic.area(a_browser)
    assert area > 50
    QTest.mouseClick(editor_module.ui.fillCheckBox, Qt.LeftButton)
    QTest.mouseClick(editor_module.ui.measureButton, Qt.LeftButton)
    settle()
    column = slicer.util.arrayFromTableColumn(slicer.util.getNode("Areas"), "area")
    np.testing.assert_allclose(column, [0, 0, area, 0, 0, 0, 0, 0])
    slicer.util.saveScene(str(tmp_path / "echo.mrb"))
    slicer.mrmlScene.Clear(0)
    settle()
    assert editor_module.parameters.browser is None
    slicer.util.loadScene(str(tmp_path / "echo.mrb"))
    settle()
    browser = slicer.util.getNode("Clip browser")
    browser.SetSelectedItemNumber(2)
    assert editor_module.logic.area(browser) == pytest.approx(area)
    assert editor_module.logic.getParameterNode().GetParameter("fill") == "False"


def test_reload_builds_the_panel_anew(editor_module: Any, settle: Any) -> None:
    import slicer

    editor_module.events.clear()
    editor_module.onReload()
    settle()
    fresh = slicer.modules.ClipEditorWidget
    assert editor_module.events == ["cleanup"]
    assert fresh is not editor_module
    assert fresh.ui.browserSelector is not editor_module.ui.browserSelector
    assert slicer.util.getModuleWidget("ClipEditor") is fresh


def test_the_module_s_own_test_runs(app: Any, scene: Any) -> None:
    import slicer

    slicer.selfTests["ClipEditor"]()


def test_sample_data_is_registered_checked_and_loaded(app: Any, scene: Any, tmp_path: Path) -> None:
    import hashlib

    import SampleData

    (tmp_path / "note.txt").write_text("hello")
    digest = hashlib.sha256(b"hello").hexdigest()
    for name, checksum in (("Good", digest), ("Damaged", "0" * 64)):
        SampleData.SampleDataLogic.registerCustomSampleDataSource(
            category="Test",
            sampleName=name,
            uris=(tmp_path / "note.txt").as_uri(),
            fileNames=f"{name}.txt",
            nodeNames=name,
            checksums=f"SHA256:{checksum}",
        )
    assert SampleData.downloadSample("Good").GetText() == "hello"
    with pytest.raises(ValueError, match="damaged"):
        SampleData.downloadSample("Damaged")
    with pytest.raises(TypeError, match="spam"):
        SampleData.SampleDataLogic.registerCustomSampleDataSource(sampleName="x", spam=1)


def test_missing_packages_are_named(app: Any) -> None:
    import slicer

    assert slicer.packaging.pip_ensure(["numpy>=1.0"], requester="ClipEditor") == []
    with pytest.raises(RuntimeError, match="ClipEditor needs no-such-package"):
        slicer.packaging.pip_ensure("no-such-package", requester="ClipEditor")


def test_missing_libraries_are_named_with_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    from SlicerHost.boot import graphics

    monkeypatch.setattr(graphics, "loads", lambda library: library != "libEGL.so.1")
    with pytest.raises(graphics.GraphicsMissingError, match=r"apt-get install libegl1$"):
        graphics.prepare_platform()


def test_a_module_is_loaded_once(app: Any, load_module: Any, tmp_path: Path) -> None:
    import slicer

    module = slicer.modules.clipeditor
    assert load_module(module.path) is module
    namesake = tmp_path / "ClipEditor.py"
    namesake.write_text("")
    with pytest.raises(RuntimeError, match="a module ClipEditor is loaded already"):
        load_module(namesake)


def test_a_picture_shows_the_window(app: Any, picture: Any) -> None:
    import slicer
    from PySide6 import QtGui

    window = slicer.util.mainWindow()
    assert QtGui.QImage(str(picture("window"))).size() == window.size


def test_a_module_that_comes_late_hears_of_the_startup_too(app: Any, load_module: Any, tmp_path: Path) -> None:
    import slicer

    lines = [
        "import slicer",
        "from slicer.ScriptedLoadableModule import ScriptedLoadableModule",
        "class Late{0}(ScriptedLoadableModule):",
        "    def __init__(self, parent):",
        "        ScriptedLoadableModule.__init__(self, parent)",
        "        self.heard = []",
        "        slicer.app.connect('startupCompleted()', lambda: self.heard.append(1))",
    ]
    for number in (1, 2):
        path = tmp_path / f"Late{number}.py"
        path.write_text("\n".join(lines).format(number))
        load_module(path)
    assert (slicer.modules.Late1Instance.heard, slicer.modules.Late2Instance.heard) == ([1], [1])
