"""Keeps masks whole while a second scene is loaded into an open one.

Node ids of the two collide, and until they are resolved a browser that is being loaded can lay hold of a segmentation
of ours; its own file is then read into it, over the mask of one frame. So masks are compared after each import, and
what an import changed is written back.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer

_guarded: Any = None
_before: list[tuple[Any, Any]] = []


def guardImports() -> None:
    """Start to guard the application's scene; once is enough, more often does no harm."""
    global _guarded
    if _guarded is slicer.mrmlScene:
        return
    _guarded = slicer.mrmlScene
    _guarded.AddObserver(slicer.vtkMRMLScene.StartImportEvent, _onStartImport)
    _guarded.AddObserver(slicer.vtkMRMLScene.EndImportEvent, _onEndImport)


def _onStartImport(caller: Any = None, event: Any = None) -> None:
    from .study import Study

    _before.clear()
    _before.extend((study, study.masks()) for study in Study.all() if study.maskSequenceNode is not None)


def _onEndImport(caller: Any = None, event: Any = None) -> None:
    from .masks import writeMasks
    from .study import Study

    if _before:
        for study in Study.all():  # what was laid hold of is let go, or our writing would reach the other clip
            slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(study.browserNode)
    for study, masks in _before:
        now = study.masks() if study.exists else None
        if now is not None and now.shape == masks.shape:
            changed = [frame for frame, mask in enumerate(masks) if not np.array_equal(mask, now[frame])]
            if changed:
                writeMasks(study, {frame: masks[frame] for frame in changed})
    _before.clear()
