"""The published figures are read by the benchmarks, so they must parse and keep their layout."""

from pathlib import Path

import pytest
import yaml

SEEDS = Path(__file__).resolve().parent.parent / "seeds"
NAMES = ["000_echo_ode_latent", "001_echo_ode_registration", "002_temporal_conv_lstm"]
NAMES += ["003_coreecho", "004_recurrent_aggregation"]


@pytest.mark.parametrize("name", NAMES)
def test_figures_have_a_page_a_source_and_tables_of_rows(name):
    assert (SEEDS / f"{name}.md").is_file()
    figures = yaml.safe_load((SEEDS / f"{name}.yaml").read_text(encoding="utf-8"))
    assert {"title", "authors", "venue", "year"} <= set(figures["paper"])
    for table in figures["tables"]:
        assert table["id"]
        assert table["about"]
        assert all(isinstance(row, dict) and len(row) > 1 for row in table["rows"])
        for row in table["rows"]:
            for key, value in row.items():
                assert isinstance(value, (int, float, str)), (table["id"], key)
                if key.startswith(("dice", "iou")):
                    assert 0 < value <= 1


def test_the_thresholds_in_use_are_the_published_ones():
    from EchoODELib.engine.measure.attributes import THRESHOLDS

    figures = yaml.safe_load((SEEDS / "001_echo_ode_registration.yaml").read_text(encoding="utf-8"))
    published = {row["attribute"]: row["threshold"] for row in figures["tables"][2]["rows"]}
    assert published == dict(THRESHOLDS)
