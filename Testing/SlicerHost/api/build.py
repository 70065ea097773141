"""Writes the tables qt.yaml, ctk.yaml and qmrml.yaml from the headers of Qt 5.15, Qt 6, CTK and Slicer.

    python -m SlicerHost.api.build --qt5 INCLUDE --qt6 INCLUDE --ctk CHECKOUT --slicer CHECKOUT

Qt's members are those that both major versions have, because Slicer is built with either. Run it again when a class
is added to `classes.yaml` or when Slicer's API has moved.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import yaml

from .headers import KINDS, ClassFacts, read_classes, read_decorators

HERE = Path(__file__).resolve().parent
IN_ONE_TREE = {"QUiLoader"}  # Debian ships its header in a package of its own, unpacked beside one of the two trees
HEADLINE = "# Public API as Python sees it, by class and kind. Written by api/build.py from headers; do not edit.\n"


def main() -> None:
    """Read the command line and write the three tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("qt5", "qt6", "ctk", "slicer"):
        parser.add_argument(f"--{name}", type=Path, required=True, nargs="+")
    folders = parser.parse_args()
    wanted = yaml.safe_load((HERE / "classes.yaml").read_text())
    five = collect(folders.qt5, wanted["qt"], all_public=True)
    six = collect(folders.qt6, wanted["qt"], all_public=True)
    # QUiLoader and its like may be in only one of the two trees at hand: then that one decides.
    both = {name: common(name, five, six) for name in {**five, **six}}
    write("qt", {name: facts for name, facts in both.items() if facts})
    write("ctk", collect(folders.ctk, wanted["ctk"], all_public=False))
    write("qmrml", collect(folders.slicer, wanted["qmrml"], all_public=False))


def collect(folders: Iterable[Path], names: Iterable[str], *, all_public: bool) -> dict[str, ClassFacts]:
    """Facts of the named classes and of their bases, with what the PythonQt decorators add to them."""
    known: dict[str, ClassFacts] = {}
    decorators: list[tuple[str, str]] = []
    for folder in folders:
        for header in sorted(folder.rglob("*.h")):
            if "private" in header.parts or header.stem.endswith("_p") or "Testing" in header.parts:
                continue
            for facts in read_classes(header, all_public=all_public):
                merged = known.setdefault(facts.name, facts)
                merged.bases = merged.bases or facts.bases
                for kind in KINDS:
                    merged.members[kind] |= facts.members[kind]
            if header.stem.endswith("PythonQtDecorators"):
                decorators += read_decorators(header)
    for owner, method in decorators:
        if owner in known:
            known[owner].members["method"].add(method)
    queue, found = list(names), {}
    while queue:
        name = queue.pop()
        if name in known and name not in found:  # a base is described although nobody asked for it
            found[name] = known[name]
            queue += known[name].bases
    for name in sorted(set(names) - set(found)):
        print(f"no header declares {name}")
    return found


def common(name: str, five: dict[str, ClassFacts], six: dict[str, ClassFacts]) -> ClassFacts | None:
    """What class `name` has in both versions, wherever in its ancestry, and whatever the kind of its functions."""
    first, second = five.get(name), six.get(name)
    if first is None or second is None:
        return (first or second) if name in IN_ONE_TREE else None
    shared = ClassFacts(name, nearest_bases(second, five, six))
    in_both = effective(name, five) & effective(name, six)
    for kind in KINDS:
        shared.members[kind] = (first.members[kind] | second.members[kind]) & in_both
    # What only one version lets override stays: PySide looks such names up in a class, they can't be hidden.
    shared.members["protected"] = first.members["protected"] | second.members["protected"]
    shared.members["method"] -= shared.members["slot"]
    shared.members["protected"] -= shared.members["method"] | shared.members["slot"]
    return shared


def nearest_bases(facts: ClassFacts, five: dict[str, ClassFacts], six: dict[str, ClassFacts]) -> list[str]:
    """The bases that both versions know; a base that only Qt 6 has gives way to its own bases."""
    bases = []
    for base in facts.bases:
        bases += [base] if base in five else nearest_bases(six[base], five, six) if base in six else []
    return bases


def effective(name: str, classes: dict[str, ClassFacts]) -> set[str]:
    """Names (for signals: signatures) of all members of a class, its bases' included."""
    if name not in classes:
        return set()
    own = set().union(*(names for kind, names in classes[name].members.items() if kind != "protected"))
    return own.union(*(effective(base, classes) for base in classes[name].bases))


def write(name: str, classes: dict[str, ClassFacts]) -> None:
    """Write one table, sorted, lists in flow style so that a diff stays readable."""
    table = {}
    for key in sorted(classes):
        kinds = {kind: sorted(members) for kind, members in classes[key].members.items() if members}
        table[key] = {"bases": classes[key].bases, **kinds}
    text = yaml.dump(table, default_flow_style=None, sort_keys=False, width=118)
    (HERE / f"{name}.yaml").write_text(HEADLINE + text)
    print(f"{name}.yaml: {len(table)} classes, {len(text) // 1000} kB")


if __name__ == "__main__":
    main()
