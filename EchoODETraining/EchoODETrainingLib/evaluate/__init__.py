"""How well models segment: metrics with intervals, plots, worst cases, and the published figures beside."""
