"""`slicer.packaging`: Python packages on first use.

The host installs nothing: its environment is the project's. What is missing raises, as a declined dialog does.
"""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

Requirements = str | Requirement | list[str | Requirement]


def _parsed(requirements: Requirements) -> list[Requirement]:
    several = requirements if isinstance(requirements, list) else [requirements]
    return [one if isinstance(one, Requirement) else Requirement(one) for one in several]


def load_requirements(path: str | Path) -> list[Requirement]:
    """Requirements of a requirements.txt; comments and pip's options are skipped."""
    lines = (re.split(r"\s#", line)[0].strip() for line in Path(path).read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]


def load_pyproject_dependencies(path: str | Path) -> list[Requirement]:
    """`project.dependencies` of a pyproject.toml."""
    content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    return [Requirement(line) for line in content.get("project", {}).get("dependencies", [])]


def pip_check(req: Requirements) -> bool:
    """Whether packages are installed in versions that fit."""
    return not _missing(_parsed(req))


def _missing(requirements: list[Requirement]) -> list[Requirement]:
    missing = []
    for requirement in requirements:
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(requirement)
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            missing.append(requirement)
    return missing


def pip_ensure(
    requirements: Requirements,
    constraints: str | Path | None = None,
    skip_packages: list[str] | None = None,
    prompt_install: bool = True,
    prompt_restart: bool = True,
    requester: str | None = None,
    skip_in_testing: bool = True,
    show_progress: bool = True,
) -> list[str] | None:
    """Make sure that packages are installed.

    Raises:
        RuntimeError: something is missing; the message names it and who asked.
    """
    missing = [one for one in _missing(_parsed(requirements)) if one.name not in (skip_packages or [])]
    if missing:
        names = ", ".join(str(one) for one in missing)
        raise RuntimeError(
            f"{requester or 'A module'} needs {names}; the host installs no packages, install them yourself"
        )
    return []


def pip_install(requirements: str | list[str], **options: Any) -> None:
    """Slicer installs packages here; the host checks that they are there.

    Raises:
        RuntimeError: something is missing.
    """
    parts = requirements if isinstance(requirements, list) else requirements.split()
    pip_ensure([one for one in parts if not one.startswith("-")])


def pip_uninstall(requirements: str | list[str], **options: Any) -> None:
    """Refused: the environment isn't the host's."""
    raise RuntimeError("the host uninstalls no packages")


def isPipInstallInProgress() -> bool:
    """False: the host installs nothing."""
    return False
