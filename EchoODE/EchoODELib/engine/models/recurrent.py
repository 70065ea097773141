"""From the frames' features to one state a time, going from frame to frame.

The convolutions over a cell's input are done for all frames at once, and only those over its state one by one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ConvGRU(nn.Module):
    """A gated recurrent unit of convolutions (Ballas et al., "Delving Deeper into Convolutional Networks", ICLR 2016).

    Parameters
    ----------
    inputs: channels of the input.
    hidden: channels of the state.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.of_input = nn.Conv2d(inputs, 3 * hidden, 3, padding=1)
        self.of_state = nn.Conv2d(hidden, 2 * hidden, 3, padding=1, bias=False)
        self.of_reset = nn.Conv2d(hidden, hidden, 3, padding=1, bias=False)

    def forward(self, seen: Tensor, state: Tensor) -> Tensor:
        """The next state (B, hidden, h, w); ``seen`` is the input after :attr:`of_input`."""
        hidden = state.shape[1]
        gates = torch.sigmoid(seen[:, : 2 * hidden] + self.of_state(state))
        reset, update = gates.chunk(2, 1)
        candidate = torch.tanh(seen[:, 2 * hidden :] + self.of_reset(reset * state))
        return torch.lerp(state, candidate.to(state.dtype), update.to(state.dtype))


class ConvLSTMLayer(nn.Module):
    """A long short-term memory of convolutions (Shi et al., "Convolutional LSTM Network", NeurIPS 2015), no peepholes.

    Parameters
    ----------
    inputs: channels of the input.
    hidden: channels of the state.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.of_input = nn.Conv2d(inputs, 4 * hidden, 3, padding=1)
        self.of_state = nn.Conv2d(hidden, 4 * hidden, 3, padding=1, bias=False)

    def forward(self, features: Tensor, batch: int) -> Tensor:
        """(B * T, inputs, h, w) to the states after each frame, (B * T, hidden, h, w)."""
        seen = self.of_input(features).unflatten(0, (batch, -1))
        state = memory = features.new_zeros(batch, self.hidden, *features.shape[-2:], dtype=torch.float32)
        states: list[Tensor] = []
        for index in range(seen.shape[1]):
            gates = seen[:, index] + self.of_state(state)
            into, forget, out, new = gates.chunk(4, 1)
            memory = torch.sigmoid(forget) * memory + torch.sigmoid(into) * torch.tanh(new)
            state = torch.sigmoid(out) * torch.tanh(memory)
            states.append(state)
        return torch.stack(states, 1).flatten(0, 1)
