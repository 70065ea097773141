"""The host's `qt` follows PythonQt's rules, and is never kinder than Slicer."""

from __future__ import annotations

from typing import Any

import pytest


def test_properties_read_and_write_as_attributes(app: Any) -> None:
    import qt

    button = qt.QPushButton("Go")
    assert (button.text, button.enabled, button.checkable) == ("Go", True, False)
    button.text, button.enabled, button.checkable, button.checked = "Stop", False, 1, True
    assert (button.text, button.isEnabled(), button.isChecked()) == ("Stop", False, True)


def test_a_property_hides_the_method_of_its_name(app: Any) -> None:
    import qt

    with pytest.raises(TypeError, match="not callable"):
        qt.QLabel("x").text()


def test_enumerators_are_numbers_and_numbers_are_taken_for_them(app: Any) -> None:
    import qt

    slider = qt.QSlider(qt.Qt.Horizontal)
    slider.orientation = 2
    assert slider.orientation == qt.Qt.Vertical == 2


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("qt.QPushButton().spam", "QPushButton has no attribute 'spam'"),
        ("setattr(qt.QPushButton(), 'spam', 1)", "QPushButton has no attribute 'spam'"),
        ("setattr(qt.QPushButton(), 'click', 1)", "'click' of QPushButton is a method"),
        ("setattr(qt.QComboBox(), 'count', 3)", "'count' of QComboBox is not writable"),
        ("qt.QPushButton().connect('clickd()', print)", r"QPushButton has no signal 'clickd\(\)'"),
        ("qt.QPushButton().connect('clicked', print)", "with its arguments"),
        ("qt.QComboBox().connect('currentIndexChanged(QString)', print)", r"it has currentIndexChanged\(int\)"),
        ("qt.QCheckBox().checkStateChanged", "QCheckBox has no attribute 'checkStateChanged'"),
        ("qt.Signal", "qt has no 'Signal'"),
        ("ctk.ctkSliderWidget().setRange(0, 1)", "ctkSliderWidget has no attribute 'setRange'"),
        ("slicer.qMRMLNodeComboBox().currentText", "qMRMLNodeComboBox has no attribute 'currentText'"),
        ("slicer.qMRMLNodeComboBox().connect('currentNodeChanged()', print)", "qMRMLNodeComboBox has no signal"),
        ("slicer.qMRMLTableView().setItem(0, 0, None)", "qMRMLTableView has no attribute 'setItem'"),
        ("slicer.modules.nosuchmodule", "slicer.modules has no 'nosuchmodule'"),
    ],
)
def test_what_slicer_lacks_raises_with_the_class_named(app: Any, expression: str, message: str) -> None:
    import ctk
    import qt
    import slicer

    with pytest.raises(AttributeError, match=message):
        eval(expression, {"qt": qt, "ctk": ctk, "slicer": slicer})


@pytest.mark.parametrize(
    "expression", ["qt.QPushButton(text='Go')", "ctk.ctkCollapsibleButton(text='Go')", "qt.QSize(width=1)"]
)
def test_constructors_take_no_keywords(app: Any, expression: str) -> None:
    import ctk
    import qt

    with pytest.raises(TypeError, match="takes no keyword arguments"):
        eval(expression, {"qt": qt, "ctk": ctk})


def test_methods_of_emulated_widgets_take_no_keywords(app: Any) -> None:
    import ctk

    with pytest.raises(TypeError, match=r"ctkSliderWidget\.setValue"):
        ctk.ctkSliderWidget().setValue(value=1)


def test_a_subclass_in_python_may_have_attributes(app: Any) -> None:
    import qt

    class Panel(qt.QWidget):
        def __init__(self, parent: Any = None) -> None:
            qt.QWidget.__init__(self, parent)
            self.answer = 42

    assert Panel().answer == 42


def test_arguments_of_a_signal_are_trimmed_to_what_the_slot_takes(app: Any) -> None:
    import qt

    heard: list[Any] = []
    button = qt.QPushButton()
    button.checkable = True
    button.connect("clicked(bool)", lambda checked: heard.append(("bool", checked)))
    button.connect("clicked(bool)", lambda: heard.append("none"))
    button.connect("clicked()", lambda *given: heard.append(("clicked()", given)))
    button.clicked.connect(lambda: heard.append("attribute"))
    button.click()
    assert heard == [("bool", True), "none", ("clicked()", ()), "attribute"]


def test_disconnect_ends_one_connection(app: Any) -> None:
    import qt

    heard: list[str] = []
    first, second = (lambda: heard.append("first")), (lambda: heard.append("second"))
    button = qt.QPushButton()
    for function in (first, second):
        button.connect("clicked()", function)
    assert button.disconnect("clicked()", first)
    button.click()
    assert heard == ["second"]
    assert not button.disconnect("clicked()", first)


def test_children_and_dynamic_properties_read_as_attributes(app: Any) -> None:
    import qt

    parent = qt.QWidget()
    child = qt.QLabel("inside", parent)
    child.objectName = "theLabel"
    parent.setProperty("SlicerParameterName", "opacity")
    assert parent.theLabel is child
    assert parent.SlicerParameterName == "opacity"
    assert parent.findChild("QLabel", "theLabel") is child
    assert child.className() == "QLabel"


def test_a_static_method_and_a_property_may_share_a_name(app: Any, settle: Any) -> None:
    import qt

    heard: list[str] = []
    qt.QTimer.singleShot(0, lambda: heard.append("shot"))
    timer = qt.QTimer()
    timer.singleShot = True
    settle()
    assert heard == ["shot"]
    assert timer.singleShot is True
