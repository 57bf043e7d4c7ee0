import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from prefloop.colours import LINES, line_of
from prefloop.config import load_params, packaged_params
from prefloop.report.figure import styles

ROOT = Path(__file__).resolve().parents[1]


DPO = yaml.safe_load((ROOT / "dpo" / "params.yaml").read_text())["policies"]
SIMULATED = load_params(packaged_params()).policies


@pytest.mark.parametrize("names", [DPO, SIMULATED])
def test_policies_that_have_a_place_have_a_line_and_a_colour_of_their_own(names):
    names = [name for name in names if name in LINES]
    ours = [LINES[name] for name in names]
    assert len(set(ours)) == len(ours)
    colours = [of.colour for name, of in zip(names, ours, strict=True) if name != "random_pair"]
    assert len(set(colours)) == len(colours)


@given(st.lists(st.sampled_from([*LINES, "mine", "another"]), min_size=1, unique=True), st.integers(0, 10**6))
def test_who_stands_beside_a_policy_changes_no_colour(names, seed):
    for name, style in styles(names, names[0]).items():
        assert style.colour == styles([name], name)[name].colour == line_of(name).colour


def test_baselines_are_black_grey_or_blue_and_nothing_else_is():
    baselines = {"random", "random_control", "random_prompts", "thinned"}
    taken = {LINES[name].colour for name in baselines}
    for name, of in LINES.items():
        channels = {of.colour[1:3], of.colour[3:5], of.colour[5:7]}
        if name in baselines - {"thinned"}:
            assert len(channels) == 1
        elif not name.startswith("random"):
            assert name == "thinned" or of.colour not in taken


@pytest.fixture(scope="module")
def template():
    return (ROOT / ".dvc" / "plots" / "policies.json").read_text()


def test_dvcs_template_has_the_same_colours(template):
    (table,) = re.findall(r'"calculate": "(\{.*\})\[datum\.policy\]', template)
    assert json.loads(table.replace("'", '"')) == {name: of.colour for name, of in LINES.items()}


def test_dvcs_template_draws_each_policy_in_its_colour(template):
    """The whole chart, drawn by the library that the page uses."""
    import vl_convert

    policies = ["bal_pm", "random", "mine"]
    rows = [
        {
            "policy": name,
            "split": "test",
            "n_labels": n,
            "log_likelihood": str(-0.6 + n / 1000),
            "rev": "workspace",
        }
        for name in policies
        for n in (10, 20)
    ]
    filled = {"DATA": json.dumps(rows), "TITLE": "t", "X_LABEL": "x", "Y_LABEL": "y", "X": "n_labels"}
    filled["Y"] = "log_likelihood"
    text = template.replace('"<DVC_METRIC_DATA>"', filled.pop("DATA"))
    for name, value in filled.items():
        text = text.replace(f"<DVC_METRIC_{name}>", value)
    svg = vl_convert.vegalite_to_svg(json.loads(text), vl_version="5.21")
    lines = re.findall(r'aria-roledescription="line mark"[^>]*stroke="(#\w+)"', svg)
    assert set(lines) == {"#000000", LINES["bal_pm"].colour, "#4D4D4D"}
