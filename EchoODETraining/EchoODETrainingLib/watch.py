"""Writes what happens in a run into its folder, and tells whoever started it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from EchoODELib.engine.errors import OutputError
from EchoODELib.engine.progress import Monitor, Progress
from torch import nn

from .judging import Judge
from .run_files import PREVIEW, STRUCTURES, State
from .run_folder import RunFolder
from .timetable import Timetable

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

_NOT_CURVES = ("step", "epoch", "seconds")


class Watcher:
    """Told of what happens in a run; this one looks away."""

    def line(self, text: str) -> None:
        """Something that a person should read."""

    def stepped(self, done: int, total: int, seconds_left: float | None) -> None:
        """A step was done."""

    def measured(self, row: Mapping[str, float | int | None], parts: Mapping[str, float]) -> None:
        """Losses, or a validation's figures, of a step."""

    def judged(self, network: nn.Module, scores: Mapping[str, float], epoch: int, better: bool) -> None:
        """The averaged network was judged."""

    def paused(self) -> None:
        """The run waits until it is told to resume or stop."""

    def wants_stop(self) -> bool:
        """Whether a person asks to stop here."""
        return False


class Tally:
    """Parts of the loss since they were last written down."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._count = 0

    def add(self, parts: Mapping[str, float]) -> None:
        """Parts of one step."""
        for name, value in parts.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1

    def take(self) -> dict[str, float]:
        """Their means; the next ones are counted anew."""
        means = {name: value / self._count for name, value in self._sums.items()}
        self._sums, self._count = {}, 0
        return means


class FolderWatcher(Watcher):
    """Status, metrics, TensorBoard logs, previews and the model of a run.

    Parameters
    ----------
    folder: of the run.
    judge: who pictures how the network does; None for no pictures.
    export: writes the averaged network as a model and gives its card's place in the folder.
    timetable: of the run.
    monitor: shown the progress; a cancel of it stops the run.
    say: told lines that a person should read.
    """

    def __init__(
        self,
        folder: RunFolder,
        *,
        judge: Judge | None,
        export: Callable[[nn.Module, Mapping[str, float]], str],
        timetable: Timetable,
        monitor: Monitor | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.folder, self.judge, self.export = folder, judge, export
        self.timetable, self.monitor, self.say = timetable, monitor or Monitor(), say
        self._told = 0.0
        self._board: SummaryWriter | None = None

    def line(self, text: str) -> None:
        """Log it and say it."""
        self.folder.log(text)
        self.say(text)

    def stepped(self, done: int, total: int, seconds_left: float | None) -> None:
        """Progress, and once a second the status."""
        if self.monitor.report is not None:
            self.monitor.report(Progress("Training", done, max(1, total), seconds_left))
        now = time.monotonic()
        if now - self._told >= 1 or done == total:
            self._told = now
            self.folder.status(
                state=State.RUNNING,
                step=done,
                steps=total,
                epoch=self.timetable.epochs_of(done),
                epochs=self.timetable.epochs_of(total),
                seconds_left=seconds_left,
                message="",
            )

    def measured(self, row: Mapping[str, float | int | None], parts: Mapping[str, float]) -> None:
        """A row of the table, and TensorBoard's."""
        self.folder.measured(row)
        named = {key.replace("valid_", "valid/"): value for key, value in row.items() if key not in _NOT_CURVES}
        named |= {f"loss/{name}": value for name, value in parts.items()}
        try:
            self._draw({name: value for name, value in named.items() if value is not None}, int(row["step"] or 0))
        except OSError as error:
            self.folder.log(f"TensorBoard's log could not be written: {error.strerror}")

    def _draw(self, values: Mapping[str, float], step: int) -> None:
        if self._board is None:
            from torch.utils.tensorboard import SummaryWriter

            # What an interrupted run drew beyond its checkpoint is drawn again.
            self._board = SummaryWriter(str(self.folder.path / "tensorboard"), purge_step=step)
        for name, value in values.items():
            self._board.add_scalar(name, value, step)
        self._board.flush()

    def judged(self, network: nn.Module, scores: Mapping[str, float], epoch: int, better: bool) -> None:
        """A line, a picture, and the model where it is the best so far."""
        told = " ".join(f"{name} {value:.4f}" for name, value in scores.items())
        self.line(f"Epoch {epoch}: valid {told}{' (best so far)' if better else ''}")
        if self.judge is not None and scores:
            try:
                self.judge.preview(network, self.folder.previews / PREVIEW.replace("*", f"{epoch:03d}"))
            except OutputError as error:
                self.line(str(error))
        if better:
            dices = {name: scores.get(name) for name in STRUCTURES}
            best = dices if set(STRUCTURES) & set(scores) else dict(scores)
            self.folder.status(best=best, model=self.export(network, scores))

    def paused(self) -> None:
        """Status, until the next step."""
        self.folder.status(state=State.PAUSED, seconds_left=None)
        self._told = 0.0

    def wants_stop(self) -> bool:
        """Whether the monitor was cancelled."""
        return self.monitor.cancelled
