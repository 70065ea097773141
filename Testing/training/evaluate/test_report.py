"""A report from end to end with small models: whole, self-contained, of no one's name."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from EchoODELib.cli.app import app
from EchoODELib.engine.errors import OutputError, RunCancelled, UnsuitableClip, WeightsError
from EchoODELib.engine.export.clip import write_clip
from EchoODELib.engine.progress import Monitor
from EchoODELib.engine.sequence import EchoSequence
from EchoODELib.engine.weights import find_card
from EchoODETrainingLib.evaluate.exhibits import Worst
from EchoODETrainingLib.evaluate.plots import agreement_plot
from EchoODETrainingLib.evaluate.published import beside
from EchoODETrainingLib.evaluate.report import document, write_report
from EchoODETrainingLib.evaluate.run import evaluate
from EchoODETrainingLib.evaluate.trials import Trial
from typer.testing import CliRunner

from .conftest import Given


class Page(HTMLParser):
    """What a page loads, and which tags are left open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.sources += [named[key] for key in ("src", "href") if key in named]
        if tag not in ("img", "meta", "br", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def a_cine_file(a_film, tmp_path_factory):
    path = tmp_path_factory.mktemp("cines") / "Jane_Doe_1950.seq.nrrd"
    write_clip(path, EchoSequence(a_film.frames, a_film.times, a_film.spacing))
    return path


@pytest.fixture(scope="module")
def an_evaluation(a_film, a_pair, a_cine_file, tiny_models):
    second = replace(a_film, name="phantom-b", patient="heart b", frames=a_film.frames[:, ::-1].copy())
    broken = replace(a_film, name="phantom-c", patient="heart c")
    return evaluate(
        tiny_models,
        [Given([a_pair], "camus"), Given([a_film, second, broken], broken=("phantom-c",))],
        clips=[a_cine_file],
        device="cpu",
        worst=1,
    )


@pytest.fixture(scope="module")
def a_report(an_evaluation, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports") / "report"
    write_report(folder, an_evaluation)
    return folder


def test_the_page_needs_nothing_beside_it(a_report):
    text = (a_report / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert all(source.startswith(("data:image/", "#")) for source in page.sources)
    assert sum(source.startswith("data:image/") for source in page.sources) >= 10
    words = " ".join(page.words)
    for expected in ("Real", "Simulated", "tiny-one", "tiny-two", "not a medical device", "Worst frames"):
        assert expected in words
    assert not re.search(r"\bnan\b", re.sub(r"data:image/[^\"]*", "", text), re.IGNORECASE)


def test_the_tables_and_the_summary_tell_the_same(a_report, an_evaluation):
    rows = pd.read_csv(a_report / "clips.csv")
    assert len(rows) == 2 * 3
    summary = json.loads((a_report / "summary.json").read_text(encoding="utf-8"))
    assert (summary["schema"], summary["schema_version"]) == ("echoode-evaluation", "1.1")
    assert [(g["data_set"], g["kind"], g["form"]) for g in summary["groups"]] == [
        ("camus", "real", "stills"),
        ("phantom", "simulated", "film"),
    ]
    film = summary["groups"][1]["models"]["tiny-two"]
    mine = rows[(rows["model"] == "tiny-two") & (rows["data_set"] == "phantom")]
    assert film["figures"]["dice_lv"]["mean"] == pytest.approx(mine["dice_lv"].mean(), abs=1e-5)
    assert summary["models"][0]["sha256"] == find_card("tiny-one").sha256
    assert len(summary["data"][1]["sha256"]) == 64
    assert {one["model"] for one in summary["groups"][1]["compared_to_first"]} <= {"tiny-two"}
    assert summary == json.loads(json.dumps(document(an_evaluation)))


def test_what_could_not_be_read_is_named_and_the_rest_goes_on(a_report):
    summary = json.loads((a_report / "summary.json").read_text(encoding="utf-8"))
    assert [one["what"] for one in summary["failures"]] == ["phantom-c"]
    assert "cut off" in summary["failures"][0]["why"]
    assert summary["data"][1]["clips"] == 2


def test_nobodys_name_is_in_it(a_report):
    for path in a_report.iterdir():
        assert "Jane" not in path.read_text(encoding="utf-8")


def test_names_of_persons_clips_are_replaced(a_film, tiny_models, tmp_path):
    named = replace(a_film, name="Jane_Doe_1950", patient="Jane Doe", kind="real")
    lost = replace(named, name="Jane_Roe_1960", patient="Jane Roe")
    file = tmp_path / "Jane_Poe.avi"
    file.write_bytes(b"no video")
    data = Given([named, lost], "exports", broken=("Jane_Roe_1960",))
    found = evaluate(tiny_models[:1], [data], clips=[file], device="cpu")
    assert "Jane" not in json.dumps(document(found))
    assert [what for what, _ in found.told] == ["Jane_Roe_1960", "Jane_Poe.avi"]
    assert [what for what, _ in found.failures] == ["a clip of exports", "Clip 1"]
    assert "Jane" not in found.rows.to_csv()
    assert found.worst[("exports", "real", "film", "tiny-one")][0].clip == "clip 0001"


def test_the_clip_without_truth_is_studied_by_every_model(an_evaluation):
    (cine,) = an_evaluation.cines
    assert (cine.name, cine.unit, set(cine.readings)) == ("Clip 1", "mm", {"tiny-one", "tiny-two"})
    assert all(reading.masks.shape == cine.frames.shape for reading in cine.readings.values())


def test_a_report_is_replaced_but_other_files_are_not(an_evaluation, tmp_path):
    short = replace(an_evaluation, groups=(), cines=())
    write_report(tmp_path / "report", short)
    before = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    write_report(tmp_path / "report", replace(short, software="9.9"))
    after = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "EchoODE 9.9" in after
    assert "EchoODE 9.9" not in before
    (tmp_path / "thesis.txt").write_text("years")
    with pytest.raises(OutputError, match="other files"):
        write_report(tmp_path, an_evaluation)
    assert (tmp_path / "thesis.txt").read_text() == "years"


def test_the_worst_frames_are_kept_in_order(a_film):
    worst = Worst(2)
    for share in (0.0, 0.5, 0.25, 1.0):
        found = a_film.masks.copy()
        found[7, : int(share * found.shape[1])] = 0
        worst.offer(("a",), Trial(replace(a_film, name=str(share)), found, 0.1))
    kept = worst.of(("a",))
    assert [one.clip for one in kept] == ["1.0", "0.5"]
    assert kept[0].frame == 7
    assert kept[0].mean == 0
    assert kept[0].image.shape == kept[0].found.shape == kept[0].truth.shape


def test_views_and_limits_choose_clips(a_film, tiny_models):
    clips = [replace(a_film, name=f"p{n}", patient=f"p{n}") for n in range(3)]
    assert len(evaluate(tiny_models[:1], [Given(clips)], limit=2, device="cpu").rows) == 2
    with pytest.raises(UnsuitableClip, match="PLAX"):
        evaluate(tiny_models[:1], [Given(clips)], views=("PLAX",), device="cpu")


def test_it_stops_when_told(a_film, tiny_models):
    monitor = Monitor()
    monitor.cancel()
    with pytest.raises(RunCancelled):
        evaluate(tiny_models[:1], [Given([a_film])], device="cpu", monitor=monitor)
    with pytest.raises(WeightsError):
        evaluate(["no-such-model"], [Given([a_film])], device="cpu")


def test_ef_is_drawn_with_its_limits(an_evaluation):
    rows = an_evaluation.groups[1].rows.copy()
    rows["ef"], rows["ef_true"] = np.linspace(30, 63, len(rows)), np.linspace(32, 60, len(rows))
    agreement = replace(an_evaluation.groups[1], rows=pd.concat([rows, rows])).ef("tiny-one")
    head, picture = agreement_plot(agreement, "#0072b2", "EF as reported").split(",")
    assert head == "data:image/svg+xml;base64"
    assert ElementTree.fromstring(base64.b64decode(picture)).tag.endswith("svg")


def test_published_figures_stand_beside():
    titles = [table.title for table in beside("camus")]
    assert any("3389/fphys.2025.1629121" in title for title in titles)
    assert beside("exports") == []


def test_the_command_evaluates_a_card_by_its_file(models_folder, tmp_path, monkeypatch):
    monkeypatch.delenv("ECHOODE_MODELS")
    arguments = ["evaluate", "--model", str(models_folder / "tiny-one.yaml"), "--data", "phantom"]
    arguments += ["--set", "phantom.clips={valid: 1}", "--set", "phantom.frames=8", "--set", "phantom.size=64"]
    done = CliRunner().invoke(app, [*arguments, "--device", "cpu", "-o", str(tmp_path / "r"), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["groups"][0]["kind"] == "simulated"
    assert sorted(path.name for path in (tmp_path / "r").iterdir()) == ["clips.csv", "report.html", "summary.json"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 2),
        (["--data", "camus="], 2),
        (["--data", "phantom", "--set", "camus.views=[4CH]"], 2),
        (["--data", "phantom", "--view", "sideways"], 2),
        (["--clip", "/nowhere/clip.dcm"], 2),
        (["--data", "camus=/nowhere"], 3),
    ],
)
def test_wrong_use_is_said(arguments, code, tiny_models, tmp_path):
    done = CliRunner().invoke(app, ["evaluate", "--model", "tiny-one", "-o", str(tmp_path / "r"), *arguments])
    assert done.exit_code == code
    assert not (tmp_path / "r").exists()
    assert np.char.count(done.stderr, "Traceback") == 0
