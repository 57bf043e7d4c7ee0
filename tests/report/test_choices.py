import dataclasses

import numpy as np
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text

from prefloop.config import load_params, packaged_params
from prefloop.report.choices import compare_choices, estimate
from prefloop.report.data_facts import ablations, oracle_upper_bounds
from prefloop.report.point_names import Mark, name_points


@pytest.fixture(scope="module")
def choices(runs):
    return compare_choices(runs, 0.95)


def test_initial_labels_are_no_choice(choices):
    gaps = 1.0 + len("bald") / 10 + np.arange(3) / 100
    of = choices["bald"].gap
    assert of.value == pytest.approx(gaps.mean())
    # Student's t with two degrees of freedom, 97.5 %.
    assert of.high - of.value == pytest.approx(4.3027 * gaps.std(ddof=1) / 3**0.5, rel=1e-4)
    assert of.low == pytest.approx(2 * of.value - of.high)
    assert choices["bald"].winner_regret.value == pytest.approx(2 - of.value / 4)
    assert choices["bald"].ties.value == pytest.approx(0.1)  # one of the ten labels of each later round
    assert (choices["bald"].comparisons, choices["bald"].annotation_calls) == (60, 120)


def test_models_are_ordered_by_how_often_they_were_chosen(choices):
    of = choices["bal_pm"]
    assert [(model.model, model.share) for model in of.chosen] == [("strong", 0.75), ("weak", 0.25)]
    assert [(model.model, model.share) for model in of.rejected] == [("weak", 0.75), ("strong", 0.25)]


def test_one_seed_has_no_interval_and_one_round_no_choices(runs):
    first = dataclasses.replace(
        runs,
        rounds=runs.rounds.filter(pc.equal(runs.rounds["round"], 0)),
        models=runs.models.slice(0, 0),
        n_labels=runs.n_labels[:1],
    )
    of = compare_choices(first, 0.95)["random"]
    assert (of.gap, of.ties, of.chosen) == (None, None, [])
    one = dataclasses.replace(runs, rounds=runs.rounds.filter(pc.equal(runs.rounds["seed"], 0)))
    gap = compare_choices(one, 0.95)["random"].gap
    assert (gap.low, gap.high) == (None, None)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8), st.floats(0.5, 0.9))
def test_an_estimate_lies_in_the_middle_of_its_interval(values, confidence):
    of = estimate(np.array(values), confidence, (-np.inf, np.inf))
    assert of.low <= of.value <= of.high
    wider = estimate(np.array(values), 0.99, (-np.inf, np.inf))
    assert wider.high - wider.low >= of.high - of.low


def params_of(**changes):
    params = load_params(packaged_params())
    policies = dict(params.policies)
    for name, (source, pairs) in changes.items():
        policy = policies[source]
        policies[name] = policy.model_copy(update={"pairs": policy.pairs.model_copy(update=pairs)})
    names = (*params.benchmark.policies, "maxmin", "deltaucb", "deltaucb_bal_pm", "greedy", "shuffled_sigma")
    benchmark = params.benchmark.model_copy(update={"policies": (*names, *changes)})
    return params.model_copy(update={"policies": policies, "benchmark": benchmark})


def test_controls_differ_from_their_policy_by_the_deviations_alone():
    wide = ("shuffled_sigma", {"beta": 9.0})
    many = ("greedy", {"per_prompt": "unlimited"})
    params = params_of(wide=wide, many=many)
    assert ablations(params) == (("deltaucb", "greedy"), ("deltaucb", "shuffled_sigma"))
    assert oracle_upper_bounds(params) == {"maxmin"}


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 14), st.integers(0, 10**6))
def test_names_overlap_neither_each_other_nor_a_mark(count, seed):
    figure = Figure(figsize=(7.5, 5.0))
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    rng = np.random.default_rng(seed)
    points = 0.2 + 0.6 * rng.random((count, 2))
    axes.set(xlim=(0, 1), ylim=(0, 1))
    pixels = axes.transData.transform(points)
    names = [f"policy_{number}" for number in range(count)]
    marks = {
        name: Mark(tuple(points[n]), pixels[n], pixels[n] - 9, pixels[n] + 9, 8) for n, name in enumerate(names)
    }
    name_points(axes, marks, dict.fromkeys(names, "black"))
    texts = [child for child in axes.get_children() if isinstance(child, Annotation)]
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in texts]
    assert [text.get_text() for text in texts] == names
    for number, box in enumerate(boxes):
        assert not box.count_overlaps(boxes[:number])
        assert not box.count_overlaps([mark.box() for mark in marks.values()])
