"""What a network says of a whole clip, without masks: clips cut, looked at and averaged, and what to doubt of it.

As paper 003 (CoReEcho) does it for ejection fractions (:mod:`.ef`) and infarctions (:mod:`.infarction`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import ClassVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from .clips_over_time import ENDED, ClipUse, resampled, with_black
from .errors import UnsuitableClip, WeightsError
from .known_embeddings import read_known_embeddings
from .models.inference import Batches, choose_device
from .models.preparation import Fit, standardise
from .progress import Monitor
from .sector import Sector, find_sector
from .sequence import EchoSequence, View
from .weights import ModelCard, find_card, load_network, models_for

Images = NDArray[np.float32]
# (rows, columns) of the input by which a variation is shifted, and the factor of its contrast: what another
# hand and another machine would change without changing the heart.
_VARIATIONS = ((0.04, 0.0, 1.0), (-0.04, 0.0, 1.0), (0.0, 0.04, 1.1), (0.0, -0.04, 0.9))
_BATCH = {"cpu": 1, "cuda": 8}
# What a task's models are called in messages, and the recipe by which one is trained.
_TASKS = {
    "ejection_fraction": ("ejection fractions", "coreecho_small"),
    "infarction": ("infarctions", "coreecho_hmc_qu_finetune"),
}
_LOOKED_AT = 12
# Mean difference from the first frame, gray levels. A still through H.264 has 0.02, the quietest of 65 simulated hearts
# and moved beats 13.
_STILL = 0.5
_BEAT_SECONDS = 1.5  # of one at 40 a minute: what lasts longer is more than one beat, or a very slow one


@dataclass(frozen=True)
class CutClip:
    """A clip as a network takes it.

    Attributes
    ----------
    images: (frames, rows, columns) float32, standardised.
    times: (frames,) seconds of the recording; NaN where a frame is black because the recording has ended.
    """

    images: Images
    times: NDArray[np.float64]


@dataclass(frozen=True)
class ClipEstimate:
    """What was said of a recording, and how far it can be trusted.

    All of its answers are in percent for an ejection fraction, and probabilities of 0 to 1 for an infarction.

    Attributes
    ----------
    value: of the clips together.
    low, high: the range of all that the network said of this recording.
    clips: of each clip.
    variations: of one clip when it is shifted a little and its contrast changed; empty if not asked for.
    embedding: (E,) float32, the mean of the clips'.
    beats: of each beat that was asked for.
    distance: of the embedding to the recordings that the model learned from; None where it doesn't bring them.
    unlike: whether that is more than of nearly all recordings of the kind that it was trained for.
    seconds: a clip took to compute.
    model: that said so.
    validated: whether its card says that it was validated on patients.
    notes: one sentence each on what to doubt.
    """

    value: float
    low: float
    high: float
    clips: tuple[float, ...]
    variations: tuple[float, ...]
    embedding: NDArray[np.float32]
    seconds: float
    model: str
    validated: bool
    notes: tuple[str, ...]
    beats: tuple[float, ...] = ()
    distance: float | None = None
    unlike: bool = False


def card_for(task: str, model: str | None = None) -> ModelCard:
    """The card of a model, made sure to be for a task; or of the first one that is, see :func:`~.weights.models_for`.

    Raises
    ------
    WeightsError: it is for another task, or there is none.
    """
    what, recipe = _TASKS[task]
    if model is None:
        found = next(iter(models_for(task)), None)
        if found is None:
            raise WeightsError(
                f"No model for {what} is installed; train one (`echoode train {recipe}`) and install it."
            )
        return found
    card = find_card(model)
    if card.task != task:
        raise WeightsError(f"The model {card.name} is for {card.task}; choose one for {task}.")
    return card


class ClipEstimator:
    """Asks one model about clips, and keeps it loaded; a subclass says for which task.

    Parameters
    ----------
    model: name of a model for the task; None takes the first one, see :func:`card_for`.
    device: "auto" (a GPU where there is one), "cpu" or "cuda".
    clips: of a recording to average; None does as the card says (three in the paper).

    Attributes
    ----------
    known: what its training recordings look like to it; None where the model doesn't bring that.

    Raises
    ------
    WeightsError: no such model, one for something else, or damaged files.
    DeviceError: the device asked for is absent.
    """

    task: ClassVar[str]

    def __init__(self, model: str | None = None, device: str = "auto", *, clips: int | None = None) -> None:
        self.device = choose_device(device)
        self.card = card_for(self.task, model)
        self.network = load_network(self.card).to(self.device)
        self.known = read_known_embeddings(self.card)
        use = ClipUse.of_card(self.card.use)
        self.use = use if clips is None else replace(use, clips=clips)

    def estimate(
        self,
        sequence: EchoSequence,
        *,
        beats: Sequence[tuple[int, int]] = (),
        variations: bool = True,
        monitor: Monitor | None = None,
    ) -> ClipEstimate:
        """What the model says of a recording.

        Parameters
        ----------
        sequence: of a beat or more; of a view that the model was not trained for there is an answer, with a note.
        beats: (first, last) frame of each that is looked at by itself, too, as from one end-diastole to the next. A
            model of whole beats looks at these alone, and at the recording only where none are named.
        variations: also look at one clip changed a little, so that the range says more.

        Raises
        ------
        UnsuitableClip: colour flow on the frames, or a single frame, which shows no motion; a beat that the recording
            doesn't have.
        DeviceError: the device's memory does not hold one clip.
        RunCancelled: the monitor was cancelled.
        """
        sector = find_sector(sequence)
        by_beat = [self.cut(sequence, sector, beat) for beat in beats]
        cut = list(chain(*by_beat)) if self.use.whole and by_beat else self.cut(sequence, sector)
        clips = [clip.images for clip in cut]
        varied = [_varied(clips[len(clips) // 2], *one) for one in _VARIATIONS if variations]
        looked = [*clips, *varied, *(clip.images for clip in chain(*by_beat))]
        stage = (monitor or Monitor()).stage("Estimating", len(looked))
        found: list[NDArray[np.float32]] = []
        embeddings: list[NDArray[np.float32]] = []
        began = time.perf_counter()
        for values, embedded in Batches(_BATCH[self.device.type], self.device).run(self._look, looked):
            found.append(values)
            embeddings.append(embedded)
            for _ in values:
                stage.advance()
        seconds = (time.perf_counter() - began) / len(looked)
        answers = np.concatenate(found).astype(float)
        said = self.meant(answers)
        value = self._together(answers[: len(cut)])
        ends = np.cumsum([len(clips) + len(varied), *map(len, by_beat)])
        embedding = np.concatenate(embeddings)[: len(cut)].mean(0)
        distance = None if self.known is None else self.known.distance(embedding)
        unlike = self.known is not None and distance is not None and distance > self.known.threshold
        return ClipEstimate(
            value=value,
            low=min(value, float(said.min())),
            high=max(value, float(said.max())),
            clips=tuple(said[: len(cut)].tolist()),
            variations=tuple(said[len(cut) : ends[0]].tolist()),
            embedding=embedding,
            seconds=seconds,
            model=self.card.name,
            validated=bool(self.card.use.get("validated_on_patients", False)),
            notes=self._notes(sequence, cut, unlike),
            beats=tuple(self._together(answers[start:end]) for start, end in pairwise(ends)),
            distance=distance,
            unlike=unlike,
        )

    def cut(self, sequence: EchoSequence, sector: Sector, beat: tuple[int, int] | None = None) -> list[CutClip]:
        """The recording's clips, or those of one beat; the sector's box is fitted into the card's input size.

        Parameters
        ----------
        beat: its first and last frame.

        Raises
        ------
        UnsuitableClip: as for :meth:`estimate`.
        """
        if sequence.source.colour_doppler:
            raise UnsuitableClip("This clip shows colour Doppler, which hides the walls; load a B-mode clip.")
        if len(sequence) < 2:
            raise UnsuitableClip("What a heart does is seen in motion; load a clip of a beat or more.")
        if _stands_still(sequence, sector):
            raise UnsuitableClip("The picture stands still on all frames; load a clip of a heart that beats.")
        first, last = (0, len(sequence) - 1) if beat is None else beat
        if not 0 <= first < last < len(sequence):
            raise UnsuitableClip(f"There is no beat from frame {first} to {last} of {len(sequence)}; correct ED.")
        times = sequence.times
        if self.use.whole:
            frames = resampled(np.asarray(sequence.frames[first : last + 1]), self.use.frames)
            times = np.linspace(times[first], times[last], self.use.frames)
            sequence = replace(sequence, frames=frames, times=times)
        fit = Fit.of(sector.box, self.card.input_size, sequence.spacing)
        inside = fit.to_input(sector.mask.astype(np.uint8)).astype(bool)
        clips = []
        alone = beat is not None and not self.use.whole
        for start in self.use.around(times, first, last) if alone else self.use.spread(times):
            picks = self.use.picks(times, start)
            shown = [np.where(sector.mask, sequence.frames[pick], np.uint8(0)) for pick in picks[picks != ENDED]]
            images = standardise(np.stack([fit.to_input(frame) for frame in shown]), inside)
            clips.append(CutClip(with_black(images, picks), np.where(picks == ENDED, np.nan, times[picks])))
        return clips

    def meant(self, answers: NDArray[np.float64]) -> NDArray[np.float64]:
        """What the network's bare answers (n,) mean to a person; rises with them."""
        return answers

    def _together(self, answers: NDArray[np.float64]) -> float:
        """What the bare answers about some clips (n,) mean on the average, as training judges it."""
        return float(self.meant(answers.mean(keepdims=True))[0])

    @torch.inference_mode()
    def _look(self, clips: Sequence[Images]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Bare answers (n,) and embeddings (n, E) of clips."""
        answer = self.network(torch.from_numpy(np.stack(clips))[:, :, None].to(self.device))
        return answer.values[:, 0].float().cpu().numpy(), answer.embedding.float().cpu().numpy()

    def _notes(self, sequence: EchoSequence, cut: Sequence[CutClip], unlike: bool) -> tuple[str, ...]:
        notes = []
        black = int(np.isnan(cut[0].times).sum())
        shown = float(cut[0].times[-1] - cut[0].times[0])
        if unlike:
            notes.append(f"This clip is unlike the training data of {self.card.name}; don't rely on its answer.")
        if black:
            left = "1 frame is black" if black == 1 else f"{black} frames are black"
            notes.append(f"The recording is shorter than the clips of {self.card.name}: {left}.")
        if self.use.whole and shown > _BEAT_SECONDS:
            notes.append(f"{self.card.name} takes single beats, and was shown {shown:.1f} s at once; name a beat.")
        if not self.card.use.get("validated_on_patients", False):
            notes.append(f"{self.card.name} was not validated on patients.")
        if sequence.view.value not in self.card.views:
            view = "not known" if sequence.view is View.UNKNOWN else sequence.view.value
            notes.append(f"The view is {view}; {self.card.name} was trained on {', '.join(self.card.views)}.")
        return tuple(notes)


def _stands_still(sequence: EchoSequence, sector: Sector) -> bool:
    """Whether no frame differs from the first by more than a file's compression makes of a still picture."""
    chosen = np.linspace(0, len(sequence) - 1, min(len(sequence), _LOOKED_AT)).round().astype(int)
    shown = np.asarray(sequence.frames)[chosen][:, sector.mask].astype(np.int16)
    return float(np.abs(shown - shown[0]).mean(1).max()) < _STILL


def _varied(clip: Images, down: float, right: float, contrast: float) -> Images:
    """A clip shifted by shares of its sides, black where nothing was, and with other contrast."""
    rows, columns = clip.shape[1:]
    move = np.array([[1.0, 0.0, right * columns], [0.0, 1.0, down * rows]])
    black = float(clip.min())
    moved = [cv2.warpAffine(frame, move, (columns, rows), borderValue=black) for frame in clip]
    return np.asarray(np.stack(moved) * np.float32(contrast), np.float32)
