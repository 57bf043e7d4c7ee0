"""What imported labels cost: as much as on the page, once, and never too much to be taken."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.desk.budget import Budget
from prefloop.errors import DataError
from prefloop.exchange.label_files.bill import bill_of, priced
from prefloop.exchange.label_files.fields import milliseconds
from prefloop.exchange.label_files.formats import Format
from prefloop.labels.label import WITHDRAWN
from prefloop.labels.lines import table_of
from prefloop.labels.log import LabelLog
from tests.exchange.label_files.helpers import annotation, export, fill, questions, rows_of, write_rows
from tests.exchange.label_files.test_round_trip import taken
from tests.labels.helpers import label
from tests.worlds import make_params

PRICES = {"campaign__cost__per_label": 0.5, "campaign__cost__per_hour": 36.0, "page__lease_minutes": 1.0}
PAID = make_params(**PRICES)
BUDGET = Budget.of(PAID)
LABELS = st.builds(
    label,
    number=st.integers(0, 3),
    annotator=st.sampled_from(["ann", "bo"]),
    duration_ms=st.none() | st.integers(0, 200_000),
    cost=st.none() | st.integers(0, 10**6).map(lambda n: n / 1000),
    source=st.sampled_from(["human", "judge:x", "data:f", "oracle"]),
    purpose=st.sampled_from([None, "adjudication"]),
)


def costs(layout):
    return [line["cost"] for line in LabelLog(layout.labels).read_on().lines.to_pylist()]


@settings(max_examples=20)
@given(st.lists(LABELS, max_size=6), st.lists(LABELS, max_size=6))
def test_the_bill_is_what_the_log_costs_more(before, labels):
    lines = table_of(before)
    new = priced(labels, lines, BUDGET)
    for one, other in zip(labels, new, strict=True):
        assert one == other.model_copy(update={"cost": one.cost})
        is_open = one.source == "human" and one.purpose is None and one.cost is None
        assert (one.cost == other.cost) is not is_open
    bill = bill_of(new, lines, BUDGET)
    assert BUDGET.spent_by(lines) + bill.spent == BUDGET.spent_by(table_of([*before, *new]))
    # As if each had come alone.
    assert new == [priced([one], lines, BUDGET)[0] for one in labels]


def test_rows_without_a_time_cost_the_verdict_alone(layout, tmp_path):
    path = fill(
        export(layout, tmp_path, Format.csv), Format.csv, {one.pair_id: "tie" for one in questions(layout)}
    )
    bill = taken(path, layout, PAID).bill
    count = len(questions(layout))
    assert (costs(layout), bill.untimed) == ([0.5] * count, count)
    assert bill.to_json() == {"labels": count, "money": count / 2, "hours": 0.0, "untimed": count, "passed": {}}
    assert taken(path, layout, PAID).bill.spent.labels == 0


def test_the_time_of_a_tool_is_paid_up_to_a_lease(layout, tmp_path):
    path = export(layout, tmp_path, Format.labelstudio)
    tasks = json.loads(path.read_text())
    for task, seconds in zip(tasks, (10, 60, 7200), strict=False):
        task["annotations"] = [annotation("left", lead_time=seconds)]
    for task in tasks[3:]:
        task["annotations"] = []
    path.write_text(json.dumps(tasks))
    done = taken(path, layout, PAID)
    assert costs(layout) == pytest.approx([0.6, 1.1, 1.1])
    assert (done.bill.untimed, done.bill.spent.ms) == (0, 130_000)
    assert done.new[2].label.duration_ms == 7_200_000


def test_a_newer_word_is_paid_for_its_time_alone(layout, tmp_path):
    path = fill(export(layout, tmp_path, Format.csv), Format.csv, {questions(layout)[0].pair_id: "left"})
    row = rows_of(path)[0]
    taken(write_rows(path, [row | {"duration_ms": "10000"}]), layout, PAID)
    changed = row | {"verdict": "tie", "duration_ms": "20000"}
    taken(write_rows(path, [changed]), layout, PAID, replacing=True)
    taken(write_rows(path, [changed | {"annotator": "bo"}]), layout, PAID)
    assert costs(layout) == pytest.approx([0.6, 0.2, 0.7])


def test_what_was_paid_and_taken_back_is_not_paid_again(layout):
    paid, free = label(cost=0.5), label(1)
    log = table_of([paid, free, label(verdict=None, reason=WITHDRAWN)])
    assert [one.cost for one in priced([label(), label(1), label(annotator="bo")], log, BUDGET)] == [0, 0.5, 0.5]


@pytest.mark.parametrize("limit", [{"labels": 1}, {"money": 1.2}, {"hours": 0.02}])
def test_a_limit_that_is_passed_refuses_nothing(layout, tmp_path, limit):
    said = {one.pair_id: "left" for one in questions(layout)[:4]}
    path = fill(export(layout, tmp_path, Format.csv), Format.csv, said)
    rows = [row | {"duration_ms": "30000"} for row in rows_of(path)[:4]]
    params = make_params(**PRICES, **{f"campaign__budget__{name}": value for name, value in limit.items()})
    done = taken(write_rows(path, rows), layout, params)
    ((name, most),) = limit.items()
    (passed,) = done.bill.passed
    assert (passed.name, passed.limit, len(costs(layout))) == (name, most, 4)
    assert passed.spent == {"labels": 4, "money": 3.2, "hours": 0.0333}[name]


@pytest.mark.parametrize(
    ("cells", "duration"),
    [
        ({"duration_ms": "1500"}, 1500),
        ({"lead_time": "4.288"}, 4288),
        ({"duration_ms": "", "lead_time": "2"}, 2000),
        ({"duration_ms": "1500", "lead_time": "9"}, 1500),
        ({"lead_time": "soon"}, None),
    ],
)
def test_the_time_of_a_row(layout, tmp_path, cells, duration):
    path = fill(export(layout, tmp_path, Format.csv), Format.csv, {questions(layout)[0].pair_id: "tie"})
    write_rows(path, [rows_of(path)[0] | cells])
    assert taken(path, layout).new[0].label.duration_ms == duration


@pytest.mark.parametrize("cell", ["soon", "-1", "1e300", "nan"])
def test_a_duration_that_is_none_is_refused(layout, tmp_path, cell):
    path = fill(export(layout, tmp_path, Format.csv), Format.csv, {questions(layout)[0].pair_id: "tie"})
    write_rows(path, [rows_of(path)[0] | {"duration_ms": cell}])
    with pytest.raises(DataError, match=f"row 1, field 'duration_ms': got '{cell}', expected"):
        taken(path, layout)


@given(st.text() | st.floats() | st.integers() | st.booleans() | st.none() | st.floats(0, 1e9).map(str))
def test_seconds_of_a_tool_are_a_time_or_nothing(value):
    found = milliseconds(value)
    assert found is None or 0 <= found <= 10**15
