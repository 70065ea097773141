"""The report as one HTML page that needs nothing beside it."""

from __future__ import annotations

from importlib import resources
from typing import Any

from EchoODELib.engine.export import DISCLAIMER
from jinja2 import Environment, StrictUndefined

from .cines import Cine
from .look import STRUCTURE_NAMES, colors, structure_color
from .paper_tables import paper_tables
from .pictures import cine_strip, exhibit_picture, film_strip, neighbours_strip
from .plots import agreement_plot, cine_areas, courses_plot, film_areas, spread
from .published import beside
from .run import Evaluation
from .scores import WITHIN
from .summary import Group
from .tables import cine_table, group_tables, overview_table

_KINDS = {
    "real": ("Real", "Frames of patients, outlined by experts."),
    "pseudo": ("Pseudo", "Real frames moved along a measured motion: real texture, made-up time."),
    "simulated": ("Simulated", "Phantoms: heart, motion and texture are made up, and known exactly."),
}
_FORMS = {
    "stills": "Each labelled frame was given to the model by itself.",
    "film": "The whole sequence was given to the model; all its frames count for steadiness.",
}


def page(evaluation: Evaluation) -> str:
    """The whole page."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
    names = [model.name for model in evaluation.models]
    return template.render(
        evaluation=evaluation,
        disclaimer=DISCLAIMER,
        within=WITHIN,
        color=colors(names),
        kinds=_KINDS,
        forms=_FORMS,
        overview=[{"group": group, "table": overview_table(group)} for group in evaluation.groups],
        groups=[_section(group, evaluation) for group in evaluation.groups],
        cines=[_cine_section(cine) for cine in evaluation.cines],
        structure_color={name: structure_color(name) for name in STRUCTURE_NAMES},
        structure_names=STRUCTURE_NAMES,
    )


def _section(group: Group, evaluation: Evaluation) -> dict[str, Any]:
    color = colors(model.name for model in evaluation.models)
    film = group.form == "film"
    plots = []
    if group.structures:
        said = ("Dice", f"HD ({group.unit})")
        plots.append(("Dice and distance of each clip", spread(group, ("dice", "hausdorff"), said)))
    if film and group.structures:
        plots.append(
            ("Steadiness of each clip; dashed: the true masks’ own", spread(group, ("tc", "tcd"), ("TC", "TCD")))
        )
    efs = []
    for model in group.models:
        for column, said in group.ef_references().items():
            agreement = group.ef(model, column)
            if agreement is not None:
                efs.append(("EF", model, said, agreement_plot(agreement, color[model], said)))
        for name in ("edv", "esv"):
            agreement = group.agreement(model, name, f"{name}_true")
            if agreement is not None:
                what, said = name.upper(), f"{name.upper()} from the true masks, same discs"
                efs.append((what, model, said, agreement_plot(agreement, color[model], said, what)))
    key = (group.data_set, group.kind, group.form)
    courses = {model: evaluation.courses[*key, model] for model in group.models if (*key, model) in evaluation.courses}
    if any(course.counts["dice"].any() for course in courses.values()):
        plots.append(
            ("The LV over the cycle: 0 and 1 are end-diastole, the line is end-systole", courses_plot(courses, color))
        )
    shown = evaluation.films.get(key)
    return {
        "group": group,
        "tables": [*group_tables(group), *paper_tables(group)],
        "plots": plots,
        "efs": efs,
        "film": None if shown is None else {"clip": shown.clip, "strip": film_strip(shown), "areas": film_areas(shown)},
        "worst": [
            (model, [(one, exhibit_picture(one)) for one in evaluation.worst.get((*key, model), [])])
            for model in group.models
        ],
        "published": beside(group.data_set),
    }


def _cine_section(cine: Cine) -> dict[str, Any]:
    return {
        "cine": cine,
        "table": cine_table(cine),
        "areas": cine_areas(cine),
        "strips": [(model, cine_strip(cine, model), neighbours_strip(cine, model)) for model in cine.readings],
        "flags": [
            (model, [] if reading.measured is None else list(reading.measured.flags)[:8])
            for model, reading in cine.readings.items()
        ],
    }
