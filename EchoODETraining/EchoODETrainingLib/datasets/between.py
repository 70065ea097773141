"""Masks on the frames between those that experts annotated, linearly in time.

Smistad et al., "Real-time temporal coherent left ventricle segmentation using convolutional LSTMs" (IEEE IUS 2021): of
seven annotated frames a beat, annotations of all frames were made so. Here signed distances to the structures' borders
are interpolated, which moves a contour between two others at an even pace. It can't follow what the heart does between
two annotated frames; pseudo-sequences, whose masks move with their images, can.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from EchoODELib.engine.registration.masks import labels_of, signed_distances, to_labels

from .base import DataSet, Entry
from .clips import LabelledClip


def with_masks_between(clip: LabelledClip) -> LabelledClip:
    """The clip with a mask on every frame from its first to its last annotated one."""
    known = np.flatnonzero(clip.labelled).tolist()
    masks, labelled = clip.masks.copy(), clip.labelled.copy()
    labels = labels_of(*clip.masks[known])
    for before, after in itertools.pairwise(known):
        if after - before < 2:
            continue
        start, end = (signed_distances(clip.masks[frame], labels) for frame in (before, after))
        for frame in range(before + 1, after):
            share = np.float32((clip.times[frame] - clip.times[before]) / (clip.times[after] - clip.times[before]))
            masks[frame] = to_labels(start + share * (end - start), labels)
            labelled[frame] = True
    return replace(clip, masks=masks, labelled=labelled)


class MasksBetween(DataSet):
    """A data set's clips with masks between their annotated frames, too."""

    def __init__(self, data: DataSet) -> None:
        self.data, self.kind, self.layout, self.made = data, data.kind, data.layout, data.made  # as its messages say
        super().__init__(data.folder)

    def find(self) -> Iterable[Entry]:
        """The data set's own."""
        return itertools.chain.from_iterable(self.data.entries(split) for split in ("train", "valid", "test"))

    def read(self, entry: Entry) -> LabelledClip:
        """The data set's clip and what lies between its masks."""
        return with_masks_between(self.data.load(entry))
