"""DeepLabv3: Chen et al., "Rethinking Atrous Convolution for Semantic Image Segmentation" (2017).

The backbone is that of He et al., "Deep Residual Learning for Image Recognition" (CVPR 2016).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from .blocks import convolution
from .frame_network import FrameNetwork

_GRID = (1, 2, 4)
_RATES = (6, 12, 18)


class ResidualUnit(nn.Module):
    """Two 3x3 convolutions, or a narrow one between two of 1x1, added to their input.

    Parameters
    ----------
    inputs, outputs: channels.
    stride, dilation: of the 3x3 convolutions (the first's stride alone).
    bottleneck: whether the 3x3 convolution is a narrow one, of a quarter of the channels.
    """

    def __init__(self, inputs: int, outputs: int, *, stride: int, dilation: int, bottleneck: bool) -> None:
        super().__init__()
        if bottleneck:
            narrow = max(1, outputs // 4)
            self.branch = nn.Sequential(
                *convolution(inputs, narrow, 1),
                nn.ReLU(inplace=True),
                *convolution(narrow, narrow, stride=stride, dilation=dilation),
                nn.ReLU(inplace=True),
                *convolution(narrow, outputs, 1),
            )
        else:
            self.branch = nn.Sequential(
                *convolution(inputs, outputs, stride=stride, dilation=dilation),
                nn.ReLU(inplace=True),
                *convolution(outputs, outputs, dilation=dilation),
            )
        same = inputs == outputs and stride == 1
        self.shortcut: nn.Module = nn.Identity() if same else convolution(inputs, outputs, 1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        return functional.relu(self.branch(x) + self.shortcut(x), inplace=True)


class PyramidPooling(nn.Module):
    """Atrous spatial pyramid pooling: convolutions of several dilations and the mean over the image, side by side.

    Parameters
    ----------
    inputs, outputs: channels.
    rates: dilations of the 3x3 convolutions.
    """

    def __init__(self, inputs: int, outputs: int, rates: Sequence[int]) -> None:
        super().__init__()
        self.branches = nn.ModuleList([convolution(inputs, outputs, 1)])
        self.branches.extend(convolution(inputs, outputs, dilation=rate) for rate in rates)
        # Not normalised: of one frame there is one value a channel, which a batch of one could not train.
        self.mean = nn.Conv2d(inputs, outputs, 1)
        self.join = convolution((len(rates) + 2) * outputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W)."""
        found = [branch(x) for branch in self.branches]
        found.append(self.mean(x.mean((2, 3), keepdim=True)).expand_as(found[0]))
        return functional.relu(self.join(functional.relu(torch.cat(found, 1), inplace=True)), inplace=True)


class DeepLabv3(FrameNetwork):
    """A dilated residual network with atrous spatial pyramid pooling.

    Parameters
    ----------
    in_channels: channels of the input.
    classes: channels of the output, background included.
    widths: channels of the four stages; the paper's are (256, 512, 1024, 2048) with bottlenecks.
    blocks: units a stage; (2, 2, 2, 2) makes ResNet-18, (3, 4, 6, 3) with bottlenecks ResNet-50.
    bottleneck: whether the units are bottlenecks.
    pyramid: channels of the pyramid's branches.
    output_stride: 16 or 8, by how much the coarsest features are smaller than the input.

    Raises
    ------
    ValueError: other than four stages, an empty one, or another output stride.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        classes: int = 4,
        widths: Sequence[int] = (64, 128, 256, 512),
        blocks: Sequence[int] = (2, 2, 2, 2),
        bottleneck: bool = False,
        pyramid: int = 256,
        output_stride: int = 16,
    ) -> None:
        super().__init__()
        if len(widths) != 4 or len(blocks) != 4 or min(blocks) < 1 or output_stride not in (8, 16):
            raise ValueError(
                f"widths {tuple(widths)}, blocks {tuple(blocks)}, output_stride {output_stride} don't make a DeepLabv3"
            )
        self.stride = output_stride
        first = widths[0] // 4 if bottleneck else widths[0]
        self.stem = convolution(in_channels, first, 7, stride=2)
        units: list[nn.Module] = []
        inputs, reached, dilation = first, 4, 1
        for stage, (width, count) in enumerate(zip(widths, blocks, strict=True)):
            stride = 1 if stage == 0 else 2
            if reached * stride > output_stride:
                dilation, stride = dilation * stride, 1
            reached *= stride
            for index in range(count):
                grid = _GRID[index % len(_GRID)] if stage == 3 else 1
                units.append(
                    ResidualUnit(
                        inputs,
                        width,
                        stride=stride if index == 0 else 1,
                        dilation=dilation * grid,
                        bottleneck=bottleneck,
                    )
                )
                inputs = width
        self.backbone = nn.Sequential(*units)
        self.pooling = PyramidPooling(inputs, pyramid, [rate * 16 // output_stride for rate in _RATES])
        self.head = nn.Conv2d(pyramid, classes, 1)

    def outputs(self, x: Tensor, *, deep: bool) -> list[Tensor]:
        """The logits at the coarsest resolution; there is one head."""
        x = functional.max_pool2d(functional.relu(self.stem(x), inplace=True), 3, stride=2, padding=1)
        return [self.head(self.pooling(self.backbone(x)))]
