"""Admin's view: every number of the status, under its name, and none that is not in it."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from prefloop.page.admin import campaign_of, name_of, text_of
from prefloop.page.plot import HEIGHT, WIDTH, plotted

STATUS = {
    "round": 3,
    "labels": 1412,
    "budget": {"labels": {"limit": 2000, "left": 588}, "money": {"limit": None, "left": None}},
    "spend": {"money": 64.65, "currency": "USD", "by_source": {"human": {"labels": 1412}}},
    "score": {"value": -0.61234, "low": -0.7, "high": -0.5},
    "annotators": [
        {"annotator": "ann", "votes": 700, "agreement": 0.74, "drift": []},
        {"annotator": "bob", "votes": 712, "gold": 9, "drift": [{"habit": "left", "before": 0.5, "lately": 0.9}]},
    ],
    "advice": {"say": "go on", "sentence": "Go on.", "why": ["Because."]},
}
NAMES = st.text(st.sampled_from("abcdefghij"), min_size=1, max_size=8)
SCALARS = st.none() | st.booleans() | st.integers(0, 10**6) | st.text("xyz", max_size=4) | st.floats(0, 1)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=12
)


def shown_texts(campaign):
    """All texts of a campaign's view."""
    yield from (text for fact in campaign.facts for text in fact)
    for section in campaign.sections:
        yield section.title
        yield from (text for fact in section.facts for text in fact)
        for table in section.tables:
            yield from (table.title, *table.columns)
            yield from (cell for row in table.rows for cell in row)


def test_a_status_is_arranged_by_what_its_parts_are():
    shown = campaign_of({"campaign": STATUS})
    assert (shown.say, shown.sentence, shown.why) == ("go on", "Go on.", ("Because.",))
    assert dict(shown.facts) == {"Round": "3", "Labels": "1,412", "Score": "-0.6123 [-0.7, -0.5]"}
    budget, spend, annotators = shown.sections
    assert budget.tables[0].rows == (("labels", "2,000", "588"), ("money", "–", "–"))
    assert dict(spend.facts) == {"Money": "64.65", "Currency": "USD"}
    assert spend.tables[0].columns == ("", "Labels")
    table = annotators.tables[0]
    assert table.columns == ("Annotator", "Votes", "Agreement", "Drift", "Gold items")
    assert table.rows[1] == ("bob", "712", "–", "left 0.5 → 0.9", "9")
    assert table.marked == (1,)


def test_without_a_campaigns_status_the_progress_is_shown():
    shown = campaign_of({"annotator": "lea", "progress": {"total": 4, "wanted": 9, "minute_rate": None}})
    assert [dict(section.facts) for section in shown.sections] == [
        {"Total": "4", "Wanted": "9", "Per minute": "–"}
    ]


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_no_number_is_hidden_whatever_the_status_holds(status):
    texts = " ".join(shown_texts(campaign_of({"campaign": status})))
    for value in leaves(status):
        assert text_of(value) in texts
    for name in status:
        assert name_of(name) in texts


def leaves(value):
    if isinstance(value, dict):
        for one in value.values():
            yield from leaves(one)
    elif isinstance(value, list):
        for one in value:
            yield from leaves(one)
    else:
        yield value


KEYS = ("low", "value", "high")
ESTIMATES = st.tuples(*[st.floats(-9, 9)] * 3).map(lambda values: dict(zip(KEYS, sorted(values), strict=True)))
PLACES = st.tuples(st.floats(0, 1e6), ESTIMATES)
POINTS = st.lists(PLACES.map(lambda v: {"labels": v[0], "score": v[1]}), min_size=1, max_size=8)
LINE = st.lists(PLACES.map(lambda v: {"labels": v[0], **v[1]}), max_size=5)


@given(POINTS, LINE)
def test_a_curve_stays_on_its_paper(points, line):
    plot = plotted({"points": points, "line": line})
    assert len(plot.points) == len(points)
    for mark in plot.points:
        assert plot.left <= mark.x <= plot.right
        assert plot.top <= mark.high <= mark.y <= mark.low <= plot.bottom
    for place in re.findall(r"[-\d.]+,[-\d.]+", plot.line + " " + plot.band):
        x, y = map(float, place.split(","))
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT
    for axis in (plot.across, plot.up):
        assert 2 <= len(axis) <= 8
        assert len({text for _, text in axis}) == len(axis)


def test_a_campaign_without_audit_pairs_has_no_curve():
    assert plotted(None) is None
    assert plotted({"points": [], "line": []}) is None
