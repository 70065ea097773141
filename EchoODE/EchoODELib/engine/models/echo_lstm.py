"""Echo-LSTM, a peer of Echo-ODE."""

from __future__ import annotations

from torch import Tensor

from .encoder_decoder import EncoderDecoder
from .recurrent import ConvLSTMLayer
from .times import Blend


class EchoLSTM(EncoderDecoder):
    """Echo-ODE with a convolutional LSTM in the place of its ODEs (Lu et al., "Echo-ODE", 2025, section 3.1).

    Between two frames the states are blended linearly. 7,637,002 parameters with three channels, seven classes and
    width 32.
    """

    def __init__(self, **shared: object) -> None:
        super().__init__(**shared)  # type: ignore[arg-type]
        self.recurrent = ConvLSTMLayer(self.features, self.hidden)

    def through_time(self, features: Tensor, input_times: Tensor, output_times: Tensor, blend: Blend) -> Tensor:
        """States (B * S, hidden, h, w) at (B, S) of features (B * T, features, h, w) at (B, T)."""
        return blend(self.recurrent(features, len(input_times)))
