"""The table of Slicer's API, the host held against it, and the checker for extensions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

HEADER = """
// "not a member": void commented();
class QM_EXPORT qMRMLExample : public QWidget, public Other
{
  Q_OBJECT
  /* Q_PROPERTY(int old READ old) */
  Q_PROPERTY(bool shown READ isShown WRITE setShown)
  Q_ENUMS(Mode)
public:
  enum Mode { Off = 0, On };
  explicit qMRMLExample(QWidget* parent = nullptr);
  ~qMRMLExample() override;
  Q_INVOKABLE vtkMRMLNode* node() const { return std::make("http://x").node(); }
  bool isShown() const;
public slots:
  virtual void setNode(vtkMRMLNode* node);
signals:
  void nodeChanged(vtkMRMLNode *  node);
  void moved(const QString& name, double by = 1.0);
protected:
  void hidden();
};
"""


@pytest.fixture
def example_facts(tmp_path: Path) -> Any:
    from SlicerHost.api.headers import read_classes

    path = tmp_path / "qMRMLExample.h"
    path.write_text(HEADER)
    return next(read_classes(path, all_public=False))


def test_a_header_gives_what_moc_would_see(example_facts: Any) -> None:
    assert example_facts.bases == ["QWidget"]
    members = example_facts.members
    assert members["property"] == {"shown"}
    assert members["method"] == {"node"}
    assert members["slot"] == {"setNode"}
    assert members["enum"] == {"Off", "On"}


def test_default_arguments_give_further_signals(example_facts: Any) -> None:
    assert example_facts.members["signal"] == {"nodeChanged(vtkMRMLNode*)", "moved(QString,double)", "moved(QString)"}


@pytest.mark.parametrize(
    ("class_name", "member", "kind"),
    [
        ("qMRMLNodeComboBox", "currentNode", "method"),
        ("qMRMLNodeComboBox", "setCurrentNode", "slot"),
        ("qMRMLNodeComboBox", "nodeTypes", "property"),
        ("qMRMLPlotView", "dataSelected", "signal"),
        ("qMRMLSegmentEditorWidget", "setupViewObservations", "method"),
        ("qMRMLSegmentEditorWidget", "mrmlSceneChanged", "signal"),
        ("qMRMLSliderWidget", "value", "property"),
        ("qSlicerScriptedLoadableModule", "widgetRepresentation", "method"),
        ("ctkCollapsibleButton", "collapsed", "property"),
        ("QPushButton", "setText", "method"),
        ("Qt", "AlignLeft", "enum"),
        ("ctkSliderWidget", "setRange", None),
        ("QComboBox", "nosuch", None),
    ],
)
def test_the_table_knows_members_and_their_kinds(class_name: str, member: str, kind: str | None) -> None:
    from SlicerHost.pythonqt.table import TABLE

    assert TABLE.kind(class_name, member) == kind


def test_the_host_offers_nothing_that_the_real_classes_lack(app: Any) -> None:
    from SlicerHost.pythonqt.emulation import REGISTRY, foreign_members

    assert len(REGISTRY) > 60
    assert {name: problems for name, cls in REGISTRY.items() if (problems := foreign_members(cls))} == {}


def test_a_class_that_offers_more_is_refused(app: Any) -> None:
    from PySide6 import QtWidgets
    from SlicerHost.pythonqt.emulation import emulated

    with pytest.raises(TypeError, match="'spam' is no member of the real class"):

        @emulated
        class ctkCheckBox(QtWidgets.QCheckBox):
            def spam(self, /) -> None:
                pass


def test_qt_offers_only_classes_of_the_table(app: Any) -> None:
    import qt
    from SlicerHost.pythonqt.table import TABLE

    offered = {name for name, value in vars(qt).items() if isinstance(value, type)}
    assert offered <= set(TABLE.names("Q"))


def test_the_example_module_uses_only_what_slicer_has() -> None:
    from SlicerHost.api.check import check

    assert check([Path(__file__).parent / "example"]) == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("qt.QNoSuch()", "qt has no 'QNoSuch'"),
        ("label = qt.QLabel(text='x')", "QLabel() takes no keyword arguments"),
        ("self.button = qt.QPushButton()\nself.button.spam()", "QPushButton has no member 'spam'"),
        ("self.button = qt.QPushButton()\nself.button.text()", "QPushButton.text is a property"),
        ("box = slicer.qMRMLNodeComboBox()\nbox.connect('currentNodeChanged()', f)", "qMRMLNodeComboBox has no signal"),
        ("self.ui.chooser.spam = 1", "qMRMLNodeComboBox has no member 'spam'"),
        ("flag = qt.Qt.AlignmentFlag.AlignLeft", "PythonQt has enumerators in the class"),
        ("slicer.qMRMLNoSuchWidget()", "slicer has no 'qMRMLNoSuchWidget'"),
        (
            "layout = qt.QVBoxLayout()\nlayout.addWidget(w, stretch=1)",
            "QVBoxLayout.addWidget() takes no keyword arguments",
        ),
    ],
)
def test_the_checker_finds_what_slicer_lacks(tmp_path: Path, line: str, problem: str) -> None:
    from SlicerHost.api.check import check

    (tmp_path / "module.py").write_text(f"import qt, slicer\n{line}\n")
    (tmp_path / "panel.ui").write_text('<ui><widget class="qMRMLNodeComboBox" name="chooser"/></ui>')
    assert any(problem in found for found in check([tmp_path])), check([tmp_path])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('<widget class="qNoSuch" name="a"/>', "no class qNoSuch"),
        ('<widget class="QLabel" name="a"><property name="spam"/></widget>', "QLabel 'a' has no property 'spam'"),
        (
            '<widget class="QCheckBox" name="a"/><connections><connection><sender>a</sender><signal>spam()</signal>'
            "<receiver>a</receiver><slot>click()</slot></connection></connections>",
            "QCheckBox has no signal 'spam()'",
        ),
    ],
)
def test_the_checker_reads_ui_files(tmp_path: Path, content: str, problem: str) -> None:
    from SlicerHost.api.check import check

    (tmp_path / "panel.ui").write_text(f"<ui>{content}</ui>")
    assert any(problem in found for found in check([tmp_path]))


PANEL = """<ui><widget class="QWidget" name="top">
  <widget class="ctkSliderWidget" name="opacity"/><widget class="QToolButton" name="more"/></widget></ui>"""


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("self.ui.opacity.spam = 1", "ctkSliderWidget has no member 'spam'"),
        ("self.ui.opacity.setRange(0, 1)", "ctkSliderWidget has no member 'setRange'"),
        ("self.ui.nosuch.hide()", "no widget 'nosuch' in the .ui files"),
        (
            "parts = slicer.util.childWidgetVariables(panel)\n        parts.more.spam()",
            "QToolButton has no member 'spam'",
        ),
        ("slider = self.ui.opacity\n        slider.spam()", "ctkSliderWidget has no member 'spam'"),
        ("self.ui.opacity.value()", "ctkSliderWidget.value is a property"),
        ("slicer.app.layoutManager().sliceWidget('Red').sliceView().spam()", "qMRMLSliceView has no member 'spam'"),
        ("view = slicer.app.layoutManager().plotWidget(0).plotView()\n        view.connect('spam()', f)", "no signal"),
        ("for button in (self.ui.more, qt.QToolButton()):\n            button.spam()", "QToolButton has no member"),
        ("for button, text in ((self.ui.more, 1),):\n            button.spam()", "QToolButton has no member"),
        ("self.late.spam()", "QTimer has no member 'spam'"),
        ("timer.spam()", "QTimer has no member 'spam'"),
    ],
)
def test_the_checker_follows_chains_and_names(tmp_path: Path, lines: str, problem: str) -> None:
    from SlicerHost.api.check import check

    (tmp_path / "panel.ui").write_text(PANEL)
    code = f"""
import qt, slicer
class Section:
    def __init__(self, timer: "qt.QTimer") -> None:
        self.late = None
        {lines}

    def setup(self):
        self.late = qt.QTimer()
"""
    (tmp_path / "module.py").write_text(code)
    assert any(problem in found for found in check([tmp_path])), check([tmp_path])


@pytest.mark.parametrize(
    "lines",
    [
        "timer = other()\n        timer.spam()",
        "self.late = other()\n        self.late.spam()",
        "for timer in others:\n            timer.spam()",
        "timer, other = others\n        timer.spam()",
    ],
)
def test_the_checker_is_silent_where_it_cannot_know(tmp_path: Path, lines: str) -> None:
    from SlicerHost.api.check import check

    code = f"import qt\nclass A:\n    def f(self, timer):\n        self.late = qt.QTimer()\n        {lines}\n"
    (tmp_path / "module.py").write_text(code)
    assert check([tmp_path]) == []


@pytest.mark.parametrize("folder", ["EchoODE", "EchoODETraining", "Testing/SlicerHost/tests/example"])
def test_the_extension_uses_only_what_slicer_has(folder: str) -> None:
    from SlicerHost.api.check import check

    repository = Path(__file__).resolve().parents[3]
    assert check([repository / folder]) == []


@pytest.mark.parametrize("folder", ["EchoODE", "EchoODETraining"])
def test_the_host_has_every_widget_of_the_extension_s_panels(app: Any, folder: str) -> None:
    from xml.etree import ElementTree

    import qt
    from SlicerHost.pythonqt.emulation import REGISTRY

    panels = (Path(__file__).resolve().parents[3] / folder).rglob("*.ui")
    used = {one.get("class", "") for panel in panels for one in ElementTree.parse(panel).getroot().iter("widget")}
    assert sorted(name for name in used if name not in REGISTRY and not hasattr(qt, name)) == []
