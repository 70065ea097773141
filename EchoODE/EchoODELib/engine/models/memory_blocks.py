"""Pairs of convolutions of which the first may be a convolutional LSTM, so that a network remembers.

The convolutions over a block's input are done for all frames at once, and only those over its state one by one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..errors import UnsuitableClip
from .blocks import normalised

CELLS = ("lstm", "coupled")
"""``lstm``: Shi et al., "Convolutional LSTM Network" (NeurIPS 2015), without peepholes. ``coupled``: what is forgotten
makes room for what is new (Greff et al., "LSTM: A Search Space Odyssey", 2017) and rectifiers stand for tanh: the
memory stays within what was ever put into it, and a trained rectified convolution can start it."""

_OPEN = 2.0  # of an output gate that lets most through and can still learn

State = tuple[Tensor, Tensor]
"""What a cell puts out and what it keeps, (B, hidden, h, w) each."""


class ConvLSTMCell(nn.Module):
    """A 3x3 convolution that remembers.

    Parameters
    ----------
    inputs, hidden: channels of the input and of the state.
    normalisation: of what is seen, see :func:`~.blocks.normalised`; the state is never normalised.
    stride: of the convolution over the input.
    cell: one of :data:`CELLS`.

    Raises
    ------
    ValueError: another cell or normalisation.
    """

    def __init__(
        self, inputs: int, hidden: int, normalisation: str = "none", *, stride: int = 1, cell: str = "lstm"
    ) -> None:
        super().__init__()
        if cell not in CELLS:
            raise ValueError(f"cell is one of {', '.join(CELLS)}, not {cell}")
        self.hidden, self.coupled = hidden, cell == "coupled"
        gates = 3 if self.coupled else 4
        *parts, _ = normalised(inputs, gates * hidden, normalisation, stride=stride)
        self.of_input = nn.Sequential(*parts)
        self.of_state = nn.Conv2d(hidden, gates * hidden, 3, padding=1, bias=False)

    def forward(self, x: Tensor, batch: int, state: State | None) -> tuple[Tensor, State]:
        """What is put out after each frame (B * T, hidden, h, w), and the state after the last.

        Parameters
        ----------
        x: (B * T, inputs, H, W).
        batch: B.
        state: before the first frame; None where nothing was seen.

        Raises
        ------
        UnsuitableClip: a state of frames of another size or number.
        """
        seen: Tensor = self.of_input(x)
        seen = seen.reshape(batch, -1, *seen.shape[1:])
        if state is not None and state[0].shape != (batch, self.hidden, *seen.shape[-2:]):
            raise UnsuitableClip("The memory is of frames of another size; begin without memory.")
        shown: list[Tensor] = []
        for index in range(seen.shape[1]):
            gates = seen[:, index]
            if state is not None:
                gates = gates + self.of_state(state[0])
            state = self._coupled(gates, state) if self.coupled else self._lstm(gates, state)
            shown.append(state[0])
        assert state is not None
        return torch.stack(shown, 1).flatten(0, 1) if len(shown) > 1 else shown[0], state

    @staticmethod
    def _lstm(gates: Tensor, state: State | None) -> State:
        new, out, into, forget = gates.chunk(4, 1)
        kept = (torch.sigmoid(into) * torch.tanh(new)).float()
        if state is not None:
            kept = kept + torch.sigmoid(forget) * state[1]
        return torch.sigmoid(out) * torch.tanh(kept), kept

    @staticmethod
    def _coupled(gates: Tensor, state: State | None) -> State:
        new, out, forget = gates.chunk(3, 1)
        kept = torch.relu(new).float()
        if state is not None:
            kept = torch.lerp(kept, state[1], torch.sigmoid(forget).float())
        return torch.sigmoid(out) * kept, kept


class MemoryBlock(nn.Module):
    """Two 3x3 convolutions with rectifiers; where ``remembers`` the first is a :class:`ConvLSTMCell`.

    Parameters
    ----------
    inputs, outputs: channels.
    normalisation, stride, cell: of the convolutions, and of the cell.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        normalisation: str = "none",
        *,
        stride: int = 1,
        remembers: bool = False,
        cell: str = "lstm",
    ) -> None:
        super().__init__()
        self.remembers = remembers
        self.first: ConvLSTMCell | nn.Sequential = (
            ConvLSTMCell(inputs, outputs, normalisation, stride=stride, cell=cell)
            if remembers
            else nn.Sequential(*normalised(inputs, outputs, normalisation, stride=stride))
        )
        self.second = nn.Sequential(*normalised(outputs, outputs, normalisation))

    def forward(self, x: Tensor, batch: int, state: State | None) -> tuple[Tensor, State | None]:
        """Features (B * T, outputs, h, w), and the state after the last frame; see :meth:`ConvLSTMCell.forward`."""
        if isinstance(self.first, nn.Sequential):
            return self.second(self.first(x)), None
        x, state = self.first(x, batch, state)
        return self.second(x), state

    @torch.no_grad()
    def adopt(self, still: MemoryBlock) -> None:
        """Begin as a block without memory does: what is new is what its first convolution says.

        A coupled cell then gives what that block gives of clips that stand still, to what its gates hold back.

        Raises
        ------
        ValueError: a block of other widths.
        """
        assert isinstance(still.first, nn.Sequential)
        self.second.load_state_dict(still.second.state_dict())
        if isinstance(self.first, nn.Sequential):
            self.first.load_state_dict(still.first.state_dict())
            return
        cell, hidden = self.first, self.first.hidden
        own = cell.of_input.state_dict()
        for name, given in still.first.state_dict().items():
            if given.ndim == 0:
                own[name].copy_(given)
            elif len(given) != hidden or own[name].shape[1:] != given.shape[1:]:
                raise ValueError("the blocks differ in width")
            else:
                own[name][:hidden] = given
        nn.init.normal_(cell.of_state.weight, std=0.01)
        cell.of_state.weight[:hidden] = 0
        weight, bias = list(cell.of_input.parameters())[-2:]  # of the normalisation, or of the convolution if none
        weight[hidden:] *= 0.1
        bias[hidden : 2 * hidden] = _OPEN
        bias[2 * hidden :] = -1.0
        next(self.second.parameters()).div_(torch.sigmoid(torch.tensor(_OPEN)))
