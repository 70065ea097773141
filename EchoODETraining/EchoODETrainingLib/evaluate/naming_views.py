"""Which view a model takes a clip for, where it tells views at all (Li et al. 2019, tables 2: "classification")."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from EchoODELib.engine.errors import WeightsError
from EchoODELib.engine.sequence import EchoSequence, View
from EchoODELib.engine.views import ViewProposal, propose_view

from ..datasets.clips import LabelledClip
from .trials import as_sequence, form_of

TellsView = Callable[[EchoSequence], ViewProposal]


def view_teller(model: str, device: str) -> TellsView | None:
    """What names a clip's view by a model; None of a model that tells none."""

    def tell(sequence: EchoSequence) -> ViewProposal:
        return propose_view(sequence, device=device, model=model)

    try:
        tell(EchoSequence(np.zeros((1, 64, 64), np.uint8), np.zeros(1)))
    except WeightsError:
        return None
    return tell


def view_row(clip: LabelledClip, tell: TellsView | None) -> Mapping[str, float | str]:
    """ "view_found" and "view_right": of a film 0 or 1, of stills the share of frames whose view is named rightly.

    Empty where the view is not known, or the model tells none. Of stills that differ, the view found most often.
    """
    if tell is None or clip.view is View.UNKNOWN:
        return {}
    if form_of(clip) == "film":
        named = [tell(as_sequence(clip)).view]
    else:
        named = [tell(as_sequence(clip, [frame])).view for frame in np.flatnonzero(clip.labelled).tolist()]
    if not named:
        return {}
    most = max(dict.fromkeys(named), key=named.count)
    return {"view_found": most.value, "view_right": float(np.mean([view is clip.view for view in named]))}
