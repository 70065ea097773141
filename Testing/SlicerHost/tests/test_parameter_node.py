"""Typed parameter nodes and their widgets."""

from __future__ import annotations

import enum
import pathlib
from typing import Annotated, Any

import pytest


class Quality(enum.Enum):
    FAST = "fast"
    PAPER = "paper"


@pytest.fixture
def make(scene: Any) -> Any:
    """Make a wrapper with one field `value` of a type, over a new node."""
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    def build(kind: Any, **default: Any) -> Any:
        cls = type("Example", (), {"__annotations__": {"value": kind}, **default})
        return parameterNodeWrapper(cls)(scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))

    return build


@pytest.mark.parametrize(
    ("kind", "initial", "value"),
    [
        (int, 0, 7),
        (float, 0.0, 0.1),
        (str, "", "a b"),
        (bool, False, True),
        (Quality, Quality.FAST, Quality.PAPER),
        (pathlib.Path, pathlib.Path(), pathlib.Path("/a/b")),
        (list[int], [], [3, 1, 2]),
        (list[Quality], [], [Quality.PAPER]),
        (tuple[int, str], (0, ""), (4, "x")),
        (dict[str, float], {}, {"ED": 0.5}),
        (int | str, 0, "text"),
        (float | None, None, 2.5),
    ],
    ids=str,
)
def test_values_of_each_type_are_kept(make: Any, kind: Any, initial: Any, value: Any) -> None:
    parameters = make(kind)
    assert parameters.value == initial
    parameters.value = value
    assert type(parameters)(parameters.parameterNode).value == value


def test_a_list_and_a_dict_write_their_changes_back(make: Any) -> None:
    frames = make(list[int])
    frames.value = [1]
    frames.value.append(5)
    frames.value[0] = 2
    assert frames.value == [2, 5]
    names = make(dict[str, int])
    names.value["ES"] = 9
    assert names.value == {"ES": 9}


def test_nodes_are_references(make: Any, scene: Any) -> None:
    import slicer

    parameters = make(slicer.vtkMRMLTextNode)
    node = scene.AddNewNodeByClass("vtkMRMLTextNode")
    parameters.value = node
    assert parameters.value is node
    scene.RemoveNode(node)
    assert parameters.value is None
    with pytest.raises(TypeError, match="vtkMRMLTextNode"):
        parameters.value = scene.AddNewNodeByClass("vtkMRMLTableNode")


def test_limits_hold(make: Any) -> None:
    from slicer.parameterNodeWrapper import Choice, Exclude, Maximum, Minimum, WithinRange

    for note, good, bad in (
        (WithinRange(0, 1), 1, 2),
        (Minimum(3), 3, 2),
        (Maximum(3), 3, 4),
        (Choice([1, 5]), 5, 2),
        (Exclude([0]), 1, 0),
    ):
        parameters = make(Annotated[int, note], value=good)
        with pytest.raises(ValueError, match=str(bad)):
            parameters.value = bad
        assert parameters.value == good


@pytest.mark.parametrize("wrong", ["text", None, [1]])
def test_a_value_of_another_type_is_refused(make: Any, wrong: Any) -> None:
    with pytest.raises(TypeError):
        make(int).value = wrong


def test_a_type_that_nothing_keeps_is_refused(make: Any) -> None:
    with pytest.raises(TypeError, match="can't keep"):
        make(complex)


def test_a_pack_is_a_group_of_fields(scene: Any) -> None:
    from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper, parameterPack

    fields = {"smoothing": Annotated[float, WithinRange(0, 10)], "name": str}
    Settings = parameterPack(type("Settings", (), {"__annotations__": fields, "smoothing": 1.5}))
    Example = parameterNodeWrapper(type("Example", (), {"__annotations__": {"settings": Settings}}))
    parameters = Example(scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    assert parameters.settings == Settings(1.5, "")
    parameters.settings.name = "A4C"
    parameters.setValue("settings.smoothing", 4.0)
    assert parameters.settings == Settings(4.0, "A4C")
    with pytest.raises(ValueError, match="11"):
        parameters.settings.smoothing = 11.0


def test_a_field_of_a_pack_has_a_widget_of_its_own(scene: Any) -> None:
    import ctk
    import qt
    from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper, parameterPack

    fields = {"smoothing": Annotated[float, WithinRange(0, 10)], "name": str}
    Settings = parameterPack(type("Settings", (), {"__annotations__": fields}))
    Example = parameterNodeWrapper(type("Example", (), {"__annotations__": {"settings": Settings}}))
    parameters = Example(scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    panel = qt.QWidget()
    slider, line = ctk.ctkSliderWidget(panel), qt.QLineEdit(panel)
    slider.setProperty("SlicerParameterName", "settings.smoothing")
    line.setProperty("SlicerParameterName", "settings.name")
    parameters.connectGui(panel)
    assert slider.maximum == 10
    slider.setValue(2.5)
    line.setText("A2C")
    assert parameters.settings == Settings(2.5, "A2C")
    parameters.settings.smoothing = 7.0
    assert slider.value == 7.0


def test_widgets_and_parameters_follow_each_other(make: Any) -> None:
    import ctk
    import qt
    from slicer.parameterNodeWrapper import WithinRange

    cases = [
        (bool, qt.QCheckBox, lambda w: w.click(), True),
        (str, qt.QLineEdit, lambda w: w.setText("A4C"), "A4C"),
        (Annotated[int, WithinRange(0, 9)], qt.QSpinBox, lambda w: w.stepUp(), 1),
        (Annotated[float, WithinRange(0, 2)], ctk.ctkSliderWidget, lambda w: w.setValue(0.5), 0.5),
        (Quality, qt.QComboBox, lambda w: w.setCurrentIndex(1), Quality.PAPER),
        (pathlib.Path, ctk.ctkPathLineEdit, lambda w: w.setCurrentPath("/tmp"), pathlib.Path("/tmp")),
    ]
    for kind, widget_class, act, value in cases:
        parameters, widget = make(kind), widget_class()
        before = parameters.value
        tag = parameters.connectParametersToGui({"value": widget})
        act(widget)
        assert parameters.value == value, widget_class
        parameters.value = before
        act(widget)
        assert parameters.value == value, widget_class
        parameters.disconnectGui(tag)
        parameters.value = before
        assert parameters.value == before


def test_a_slider_needs_limits_as_in_slicer(make: Any) -> None:
    import ctk
    import qt

    with pytest.raises(RuntimeError, match="needs a parameter with limits"):
        make(float).connectParametersToGui({"value": ctk.ctkSliderWidget()})
    with pytest.raises(RuntimeError, match="binds no QCheckBox"):
        make(str).connectParametersToGui({"value": qt.QCheckBox()})
