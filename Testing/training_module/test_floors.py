"""What Slicer loads of the training module when it starts needs no installing; below the panel there is no Qt."""

from __future__ import annotations

from pathlib import Path

from test_floors import HEAVY, QT, Import, imports_of, modules_below

ROOT = Path(__file__).resolve().parents[2]
NOT_IN_SLICER = HEAVY | {"lightning", "pydantic", "yaml", "pandas", "safetensors", "tensorboard", "matplotlib", "typer"}
LIBRARY = "EchoODETrainingLib"
DOOR = "EchoODETraining"


def all_imports() -> dict[str, list[Import]]:
    modules = {**modules_below(ROOT / "EchoODE"), **modules_below(ROOT / "EchoODETraining")}
    return {name: imports_of(name, path) for name, path in modules.items()}


def loaded_at_start(imports: dict[str, list[Import]]) -> dict[str, str]:
    """Every module that the door, the panel and what is below it load as their files are read -> what asked for it."""
    loaded = {name: name for name in imports if name == DOOR or name.startswith((f"{LIBRARY}.ui", f"{LIBRARY}.module"))}
    queue = list(loaded)
    while queue:
        name = queue.pop()
        for one in imports[name]:
            parts = one.target.split(".")
            for part in (".".join(parts[:count]) for count in range(1, len(parts) + 1)):
                if one.at_start and part in imports and part not in loaded:
                    loaded[part] = name
                    queue.append(part)
    return loaded


def test_nothing_that_has_to_be_installed_is_loaded_at_start() -> None:
    imports = all_imports()
    loaded = loaded_at_start(imports)
    assert f"{LIBRARY}.ui.panel" in loaded
    assert "EchoODELib.scene.study" in loaded  # the walk goes through both libraries
    broken = [
        f"{name}, line {one.line}: {one.target} (loaded by {loaded[name]})"
        for name in loaded
        for one in imports[name]
        if one.at_start and one.target.split(".")[0] in NOT_IN_SLICER
    ]
    assert broken == []


def test_what_is_below_the_panel_knows_no_qt_and_no_panel() -> None:
    imports = all_imports()
    below = [name for name in imports if name.startswith(f"{LIBRARY}.module")]
    assert below
    for name in below:
        for one in imports[name]:
            assert one.target.split(".")[0] not in QT | {"torch"}, f"{name}, line {one.line}"
            assert f"{LIBRARY}.ui" not in one.target, f"{name}, line {one.line}"
            assert "EchoODELib.ui" not in one.target, f"{name}, line {one.line}"
