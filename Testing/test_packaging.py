"""What Slicer's build takes with it: every file of the modules, and the extension's entry for the index."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def lister() -> ModuleType:
    spec = importlib.util.spec_from_file_location("list_module_files", ROOT / "scripts" / "list_module_files.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_file_of_a_module_is_packaged(lister: ModuleType) -> None:
    for name in lister.MODULES:
        listed = (ROOT / name / "CMakeLists.txt").read_text(encoding="utf-8")
        assert listed == lister.listing(name), "run python scripts/list_module_files.py"
        for file in re.findall(r"^  (\S+\.\w+)$", listed, re.MULTILINE):
            assert (ROOT / name / file).is_file()


def test_what_the_engine_reads_beside_its_code_is_packaged(lister: ModuleType) -> None:
    _, resources = lister.module_files(ROOT / "EchoODE")
    assert "EchoODELib/engine/export/results.schema.json" in resources
    assert any(file.endswith(".ui") for file in resources)
    top = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    assert all(f"Resources/{folder}" in top for folder in ("Models", "Motion"))


def test_the_entry_for_the_index_fits_the_project() -> None:
    entry = json.loads((ROOT / "EchoODE.json").read_text(encoding="utf-8"))
    top = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    assert re.search(r"^project\((\w+)\)", top, re.MULTILINE).group(1) == "EchoODE"  # type: ignore[union-attr]
    assert entry["category"] == "Cardiac"
    assert entry["build_dependencies"] == ["PyTorch"]
    assert entry["scm_url"].removesuffix(".git") in top
    for name in ("HOMEPAGE", "CONTRIBUTORS", "DESCRIPTION", "ICONURL", "SCREENSHOTURLS", "DEPENDS"):
        assert re.search(rf'^set\(EXTENSION_{name} "[^"]+"\)$', top, re.MULTILINE)
