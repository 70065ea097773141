"""ConvLSTM, the video peer of Echo-ODE's tables."""

from __future__ import annotations

from .echo_lstm import EchoLSTM


class ConvLSTM(EchoLSTM):
    """A U-Net with a convolutional LSTM at its bottom (Lu et al., "Echo-ODE", 2025, section 3.1).

    Like :class:`~.echo_lstm.EchoLSTM` without reconstruction, the skip connections coming from the encoder. 7,055,399
    parameters with three channels, seven classes and width 32.
    """

    def __init__(self, *, reconstruction: bool = False, skips: str = "frames", **shared: object) -> None:
        super().__init__(reconstruction=reconstruction, skips=skips, **shared)
