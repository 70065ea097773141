"""What ``live`` shows while it runs: a status in the terminal for people, lines of JSON for machines."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .terminal import out

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.text import Text

    from ..engine.live.session import LiveSession, LiveUpdate, SessionSummary
    from ..engine.sequence import Quantity

_BARS = "▁▂▃▄▅▆▇█"
_CURVE, _CURVE_SECONDS = 48, 3.0  # characters, and what they show
_SPOKEN = ("ejection_fraction", "end_diastolic_volume", "end_systolic_volume", "heart_rate")


class Lines:
    """One line of JSON for each thing that happens."""

    def update(self, update: LiveUpdate) -> None:
        """A frame, and the beats that ended with it."""
        found = update.found
        area = None if math.isnan(found.lv_area) else {"value": found.lv_area, "unit": found.unit}
        self._put(
            "frame",
            time=found.time,
            lv_area=area,
            seconds=update.seconds,
            rate=update.rate,
            shown=update.shown,
            dropped=update.dropped,
            **({} if found.views is None else {"views": dict(zip(_view_names(), found.views.tolist(), strict=True))}),
        )
        for beat in update.beats:
            times = {"ed_time": beat.ed_time, "es_time": beat.es_time, "next_ed_time": beat.next_ed_time}
            self._put("beat", number=beat.number, **times, quantities=_plain(beat.quantities))

    def close(self, summary: SessionSummary) -> None:
        """The session in numbers."""
        quantities = {
            name: {"mean": one.mean, "sd": None if math.isnan(one.sd) else one.sd, "unit": one.unit, "beats": one.count}
            for name, one in summary.quantities.items()
        }
        times = (summary.median, summary.slowest_hundredth)
        median, slowest = (None if math.isnan(value) else value for value in times)
        self._put(
            "summary",
            shown=summary.shown,
            dropped=summary.dropped,
            seconds=summary.seconds,
            median_seconds=median,
            slowest_hundredth_seconds=slowest,
            beats=summary.beats,
            quantities=quantities,
        )

    def _put(self, event: str, **content: object) -> None:
        sys.stdout.write(json.dumps({"event": event, **content}, ensure_ascii=False, allow_nan=False) + "\n")
        sys.stdout.flush()


class Status:
    """What is seen now at the bottom of the terminal, beats above it as they end; where there is no terminal, beats
    alone."""

    def __init__(self, session: LiveSession) -> None:
        from rich.live import Live

        self._console = out()
        self._session = session
        self._last: LiveUpdate | None = None
        self._live = Live(console=self._console, get_renderable=self._draw, refresh_per_second=8, transient=True)

    def __enter__(self) -> Status:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def update(self, update: LiveUpdate) -> None:
        """A frame, and the beats that ended with it."""
        from ..engine.export.wording import spoken, title_of

        self._last = update
        for beat in update.beats:
            parts = [f"beat {beat.number:<4}", f"{beat.next_ed_time:7.1f} s"]
            parts += [
                f"{title_of(name)} {spoken(beat.quantities[name].value, beat.quantities[name].unit)}"
                for name in _SPOKEN
                if name in beat.quantities
            ]
            self._console.print("   ".join(parts))

    def close(self, summary: SessionSummary) -> None:
        """The session in numbers."""
        from ..engine.export.wording import spoken_summary, title_of
        from .showing import show_facts

        self._live.stop()
        facts = {
            title_of(name): spoken_summary(summary.quantities[name]) for name in _SPOKEN if name in summary.quantities
        }
        facts["Beats"] = str(summary.beats)
        all_ = summary.shown + summary.dropped
        facts["Frames"] = (
            f"{summary.shown} in {summary.seconds:.1f} s; {summary.dropped} of {all_} skipped to keep time"
        )
        if summary.shown:
            facts["A frame"] = (
                f"{1e3 * summary.median:.0f} ms, one in a hundred {1e3 * summary.slowest_hundredth:.0f} ms"
            )
        self._console.print()
        show_facts("", facts)

    def _draw(self) -> Text:
        from rich.text import Text

        from ..engine.export.wording import spoken, spoken_summary

        if self._last is None:
            return Text("Waiting for frames ...")
        found, summary = self._last.found, self._session.beats.summary
        ef = f"EF {spoken_summary(summary['ejection_fraction'])}" if "ejection_fraction" in summary else "EF –"
        rate = f"   {spoken_summary(summary['heart_rate'])}" if "heart_rate" in summary else ""
        view = "" if found.views is None else f"   {_view_names()[int(found.views.argmax())]} {found.views.max():.0%}"
        return Text.assemble(
            (_sparkline(*self._session.beats.curve), "red"),
            ("  LV " + spoken(found.lv_area, found.unit), "bold red"),
            f"   {ef}{rate}{view}\n",
            (
                f"{found.time:.1f} s   {self._last.rate:.0f} frames a second   {1e3 * self._last.seconds:.0f} ms each  "
                f" {self._last.dropped} skipped   Ctrl-C ends",
                "dim",
            ),
        )


def _sparkline(times: NDArray[np.float64], areas: NDArray[np.float64]) -> str:
    """The last seconds' areas as characters."""
    import numpy as np

    known = np.isfinite(areas)
    if known.sum() < 2:
        return " " * _CURVE
    low, high = areas[known].min(), areas[known].max()
    shown = np.interp(np.linspace(times[-1] - _CURVE_SECONDS, times[-1], _CURVE), times[known], areas[known])
    levels = ((shown - low) / max(high - low, 1e-9) * (len(_BARS) - 1)).round().astype(int)
    return "".join(_BARS[level] for level in levels)


def _view_names() -> list[str]:
    from ..engine.sequence import KNOWN_VIEWS, View

    return [view.value for view in (*KNOWN_VIEWS, View.OTHER)]


def _plain(quantities: Mapping[str, Quantity]) -> dict[str, dict[str, object]]:
    return {name: {"value": one.value, "unit": one.unit} for name, one in quantities.items()}
