"""Which standard view a clip shows, proposed by a network, and which model fits a view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from .errors import WeightsError
from .sequence import KNOWN_VIEWS, EchoSequence, View
from .weights import DEFAULT_MODEL, ModelCard, find_card, list_models

if TYPE_CHECKING:
    from torch import nn

VIEW_MODEL = "ral-apical"
CONFIDENT = 0.8
"""A proposal of this probability or more is acted on, or held against what the file says."""
_FRAMES = 6  # looked at, spread over the clip
_MODELS = {View.A4C: DEFAULT_MODEL, View.PLAX: "echo-ode-plax-lines", View.A2C: VIEW_MODEL, View.A3C: VIEW_MODEL}


@dataclass(frozen=True)
class ViewProposal:
    """What a network takes a clip's view for.

    Attributes
    ----------
    view: the most probable one, ``View.OTHER`` for none of the known ones; what the file says where no network is
        at hand.
    probability: of it, 0 to 1; None where no network is at hand.
    probabilities: of each view that the network tells apart, summing to 1; empty likewise.
    model: that proposed it, or "".
    """

    view: View
    probability: float | None = None
    probabilities: Mapping[View, float] = field(default_factory=dict)
    model: str = ""

    @property
    def confident(self) -> bool:
        """Whether the network is sure enough to act on it."""
        return self.probability is not None and self.probability >= CONFIDENT

    def __str__(self) -> str:
        """As in "A4C (97 %)"."""
        return self.view.value if self.probability is None else f"{self.view.value} ({100 * self.probability:.0f} %)"


def propose_view(sequence: EchoSequence, *, device: str = "cpu", model: str = VIEW_MODEL) -> ViewProposal:
    """The view that a network sees in a few frames spread over a clip; nothing leaves this computer.

    Where the model is not installed, the proposal is what the file says, without a probability.

    Parameters
    ----------
    sequence: the clip.
    device: "auto", "cpu" or "cuda"; a CPU takes some tenths of a second.
    model: one whose network has a view branch.

    Raises
    ------
    WeightsError: the model's weights are damaged, or it tells no views.
    DeviceError: the device asked for is absent.
    """
    try:
        card = find_card(model)
    except WeightsError:
        return ViewProposal(sequence.view)
    import torch

    from .combination import FittedClip
    from .models.inference import choose_device
    from .sector import find_sector

    chosen = np.unique(np.linspace(0, len(sequence) - 1, min(_FRAMES, len(sequence))).round().astype(int))
    few = replace(sequence, frames=np.ascontiguousarray(sequence.frames[chosen]), times=sequence.times[chosen])
    place = choose_device(device)
    network = _network(card.name, card.sha256, str(place))
    frames = FittedClip(few, find_sector(few), card.input_size)(range(len(few)))
    with torch.inference_mode():
        at = torch.zeros(len(few), 1)
        output = network(torch.from_numpy(frames)[:, None, None].to(place), at, at)
    if output.views is None or output.views.shape[-1] != len(KNOWN_VIEWS) + 1:
        raise WeightsError(f"The model {model} tells no views; choose one with a view branch, as {VIEW_MODEL}.")
    shares = output.views.float().softmax(-1).mean((0, 1)).tolist()
    probabilities = dict(zip((*KNOWN_VIEWS, View.OTHER), shares, strict=True))
    best = max(probabilities, key=lambda view: probabilities[view])
    return ViewProposal(best, probabilities[best], probabilities, card.name)


def model_for_view(view: View) -> str:
    """The name of the model that segments a view: the one chosen for it, or any installed one whose card lists it.

    For a view that no model knows, and for one that is not known, it is the default model.
    """
    installed = {card.name: card for card in list_models()}
    chosen = _MODELS.get(view, DEFAULT_MODEL)
    if chosen in installed:
        return chosen
    listing = [name for name, card in installed.items() if _segments(card) and view.value in card.views]
    return listing[0] if listing else DEFAULT_MODEL


def with_view(sequence: EchoSequence, *, device: str = "cpu") -> EchoSequence:
    """The clip with the view that a network is confident of where the file doesn't say one; a note tells it.

    Where the file says another view than the network is confident of, the file's stays, and a note tells that.
    """
    proposal = propose_view(sequence, device=device)
    if not proposal.confident or proposal.view is sequence.view:
        return sequence
    if sequence.view is View.UNKNOWN:
        note = f"The file does not tell the view; it looks like {proposal}: name it if that is wrong."
        return _noted(replace(sequence, view=proposal.view), note)
    return _noted(sequence, disagreement(sequence.view, proposal))


def disagreement(view: View, proposal: ViewProposal) -> str:
    """What a person should read where a confident proposal is not the view that is set; empty where all is well."""
    if view is View.UNKNOWN or view is proposal.view or not proposal.confident:
        return ""
    return f"The clip is said to be {view.value}, but looks like {proposal}: check the view before you measure."


def view_noted(sequence: EchoSequence, card: ModelCard) -> EchoSequence:
    """The clip, with a note if the model was not trained for its view."""
    note = view_note(sequence.view, card)
    return sequence if not note or note in sequence.source.notes else _noted(sequence, note)


def view_note(view: View, card: ModelCard) -> str:
    """A sentence if a model was not trained for a view, else empty."""
    if view.value in card.views:
        return ""
    shown = {View.UNKNOWN: "This clip's view is not known", View.OTHER: "This clip shows another view"}.get(view)
    shown = shown or f"This is an {view.value} clip"
    return f"{shown}; {card.name} was trained on {', '.join(card.views)}, so look at its masks."


def _noted(sequence: EchoSequence, note: str) -> EchoSequence:
    return replace(sequence, source=replace(sequence.source, notes=(*sequence.source.notes, note)))


def _segments(card: ModelCard) -> bool:
    return card.task == "segmentation"


@lru_cache(maxsize=2)
def _network(name: str, sha256: str, device: str) -> nn.Module:
    """A model's network, kept; the checksum makes another one of a model that was replaced."""
    import torch

    from .models.inference import fuse_normalisation
    from .models.per_frame import as_clip_network
    from .weights import load_network

    return as_clip_network(fuse_normalisation(load_network(find_card(name)))).to(torch.device(device))
