"""How the panel says how a run stands."""

from __future__ import annotations

import html

from EchoODELib.ui.messages import breakable
from EchoODELib.ui.words import spokenTime
from slicer.i18n import tr as _

from ..module.run_folder import State, Status


def spokenProgress(status: Status) -> str:
    """How far a run is, in words."""
    if status.state is State.STARTING:
        return _("Starting…")
    if status.state is State.PREPARING:
        return status.message or _("Preparing the data…")
    parts = [_("Step {step} of {steps}").format(step=status.step, steps=status.steps)]
    if status.epochs:
        parts.append(_("epoch {epoch} of {epochs}").format(epoch=status.epoch, epochs=status.epochs))
    if status.state is State.PAUSED:
        parts.append(_("paused"))
    elif status.seconds_left is not None:
        parts.append(spokenTime(status.seconds_left))
    return ", ".join(parts)


def summary(status: Status) -> str:
    """State and best figures, as rich text."""
    figures = _figures(status.best)
    text = f"<b>{_rich(status.name)}</b>: {_rich(_(status.state.value))}"
    if not status.state.active and status.steps:
        text += ", " + _("{step} of {steps} steps").format(step=status.step, steps=status.steps)
    if figures:
        text += f". {html.escape(figures)}"  # which has words to break at, and numbers that must not be
    if status.state is State.FAILED and status.message:
        text += f". {_rich(status.message)}"
    return text


def _figures(best: dict[str, float]) -> str:
    """The best validation's figures: Dice by structure, or those of a network of whole clips."""
    dices = {"lv": _("LV"), "myocardium": _("myocardium"), "la": _("left atrium")}
    points = {"mae": _("mean error {value:.1f} points"), "rmse": _("RMSE {value:.1f} points"), "r2": "R² {value:.2f}"}
    shares = {
        "accuracy": _("accuracy {value:.2f}"),
        "f1": "F1 {value:.2f}",
        "sensitivity": _("sensitivity {value:.2f}"),
        "specificity": _("specificity {value:.2f}"),
        "bce": _("cross entropy {value:.3f}"),
    }
    said = {**points, **shares}
    if set(best) & set(said):
        return _("Best validation: %s") % ", ".join(
            text.format(value=best[name]) for name, text in said.items() if name in best
        )
    if not best:
        return ""
    return _("Best validation Dice: %s") % ", ".join(f"{dices.get(n, n)} {value:.3f}" for n, value in best.items())


def _rich(text: str) -> str:
    return html.escape(breakable(text))
