"""Finished scores on disk, so that an interrupted benchmark goes on where it stopped.

A score counts only as long as what made it is the same: the method's settings, the code behind the
method, the case and the scores. Comments and docstrings may change.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import os
from functools import cache
from pathlib import Path

from EchoODELib.engine.export.atomic import write_bytes

from .cases import Plan
from .methods import Method
from .scores import Scores

_ALWAYS = tuple(f"{__package__}.scores:{name}" for name in ("score", "folded", "carry_mask", "single_plane_ef"))


class Store:
    """Scores by method and case under a folder."""

    def __init__(self, folder: Path, threads: int) -> None:
        self._folder, self._threads = folder, threads

    def get(self, method: Method, plan: Plan) -> Scores | None:
        """The score if it is there and still valid."""
        path = self._path(method, plan)
        if not path.is_file():
            return None
        record = json.loads(path.read_text(encoding="utf-8"))
        return Scores(**record["scores"]) if record["fingerprint"] == self._fingerprint(method, plan) else None

    def put(self, method: Method, plan: Plan, scores: Scores) -> None:
        """Keep a score; the file appears when it is whole."""
        record = {"fingerprint": self._fingerprint(method, plan), "scores": scores.as_record()}
        write_bytes(self._path(method, plan), json.dumps(record).encode())

    def _path(self, method: Method, plan: Plan) -> Path:
        return self._folder / plan.kind.name.lower() / method.key / f"{plan.name}.json"

    def _fingerprint(self, method: Method, plan: Plan) -> str:
        if plan.settings is not None:
            origin = repr(plan.settings) + code_digest("EchoODELib.engine.phantom")
        else:
            assert plan.folder is not None
            digest = hashlib.sha256()
            for path in sorted(plan.folder.glob("*.nii*")):
                digest.update(path.read_bytes())
            origin = digest.hexdigest()
        parts = [plan.name, origin, repr(sorted(method.settings.items(), key=str)), str(self._threads)]
        parts += [code_digest(source) for source in (*method.sources, *_ALWAYS)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@cache
def code_digest(source: str) -> str:
    """Checksum of the code of a package, a module, or one function ("module:function")."""
    module, _, function = source.partition(":")
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return "absent"
    origin = Path(spec.origin)
    files = sorted(origin.parent.rglob("*.py")) if origin.name == "__init__.py" else [origin]
    digest = hashlib.sha256()
    for path in files:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        nodes: list[ast.AST] = [tree]
        if function:
            nodes = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == function]
        for node in nodes:
            digest.update(ast.dump(_bare(node)).encode())
    return digest.hexdigest()


def _bare(tree: ast.AST) -> ast.AST:
    """The tree without docstrings."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            node.body = body[1:]  # type: ignore[attr-defined]
    return tree


def default_folder() -> Path:
    """``benchmark-output`` in the working folder, or what ECHOODE_BENCHMARK_OUTPUT names."""
    return Path(os.environ.get("ECHOODE_BENCHMARK_OUTPUT", "benchmark-output"))
