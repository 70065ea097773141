"""Write every file of a module into its CMakeLists.txt; Slicer packages only what is listed there.

Usage: python scripts/list_module_files.py
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULES = ("EchoODE", "EchoODETraining")
_DATA = {".html", ".json", ".yaml"}
_TEMPLATE = """# The lists are written by scripts/list_module_files.py.
set(MODULE_NAME {name})

set(MODULE_PYTHON_SCRIPTS
{scripts}
)

set(MODULE_PYTHON_RESOURCES
{resources}
)

slicerMacroBuildScriptedModule(
  NAME ${{MODULE_NAME}}
  SCRIPTS ${{MODULE_PYTHON_SCRIPTS}}
  RESOURCES ${{MODULE_PYTHON_RESOURCES}}
  WITH_GENERIC_TESTS
)

if(BUILD_TESTING)
  slicer_add_python_unittest(SCRIPT ${{MODULE_NAME}}.py)
endif()
"""


def module_files(folder: Path) -> tuple[list[str], list[str]]:
    """Scripts and resources of a module's folder, relative to it, sorted."""
    scripts = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.py"))
    data = {path for path in folder.rglob("*") if path.suffix in _DATA}
    data |= {path for path in (folder / "Resources").rglob("*") if path.is_file()}
    return scripts, sorted(path.relative_to(folder).as_posix() for path in data if "__pycache__" not in path.parts)


def listing(name: str) -> str:
    """What a module's CMakeLists.txt must read."""
    scripts, resources = module_files(ROOT / name)

    def lines(files: list[str]) -> str:
        return "\n".join(f"  {file}" for file in files)

    return _TEMPLATE.format(name=name, scripts=lines(scripts), resources=lines(resources))


if __name__ == "__main__":
    for module in MODULES:
        (ROOT / module / "CMakeLists.txt").write_text(listing(module), encoding="utf-8")
