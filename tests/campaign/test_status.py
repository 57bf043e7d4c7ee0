"""Status of campaigns whose numbers are known."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from prefloop.campaign import status as status_module
from prefloop.campaign.issued import ISSUED
from prefloop.campaign.status import StatusReader, campaign_status, status_of
from prefloop.io.arrays import write_table
from prefloop.io.layout import Layout
from prefloop.labels.label import WITHDRAWN
from prefloop.labels.log import LabelLog
from tests.campaign.campaigns import issued_of, lines_of
from tests.labels.helpers import label
from tests.worlds import make_params

NOW = datetime(2024, 1, 1, 12, tzinfo=UTC)
NOTHING = ISSUED.empty_table()


def _ago(minutes):
    return (NOW - timedelta(minutes=minutes)).isoformat()


def _status(*labels, issued=NOTHING, batch=None, **changes):
    told = status_of(make_params(**changes), lines_of(*labels), issued, batch, {}, NOW)
    return json.loads(json.dumps(told, allow_nan=False))


def test_before_the_first_label():
    told = _status()
    assert (told["labels"], told["round"], told["waiting"]) == (0, None, 0)
    assert told["pairs"] == {"labelled": 0, "decided": 0, "undecided": 0, "disputed": 0, "ruled": 0}
    assert told["curve"] == {"points": [], "line": []}
    assert (told["gain"], told["score"], told["ceiling"]) == (None, None, None)
    assert told["advice"]["say"] == "too early"
    assert told["annotators"] == []


def test_one_label_without_an_audit():
    told = _status(label(0, duration_ms=5000))
    assert told["labels"] == told["pairs"]["labelled"] == 1
    assert told["advice"]["say"] == "too early"
    assert "campaign.audit" in told["advice"]["why"][0]


def test_pairs_and_verdicts():
    told = _status(
        *(label(0, annotator=name) for name in "xyz"),
        *(label(1, annotator=name, verdict=word) for name, word in (("x", "a"), ("y", "b"))),
        *(label(2, annotator=name, verdict=word) for name, word in (("x", "a"), ("y", "both_bad"))),
        label(3, verdict="skip"),
        label(4, verdict="tie"),
        label(5),
        label(5, verdict=None, reason=WITHDRAWN),
        label(6, purpose="gold"),
    )
    assert told["labels"] == 9
    assert told["verdicts"] == {"a": 5, "b": 1, "tie": 1, "both_bad": 1, "skip": 1}
    assert told["pairs"] == {"labelled": 5, "decided": 2, "undecided": 3, "disputed": 2, "ruled": 0}
    assert told["agreement"]["all"]["pairs"] == 3


def test_a_ruling_is_no_vote_and_ends_its_pair():
    batch = issued_of(0).set_column(ISSUED.get_field_index("annotators"), "annotators", pa.array([4], pa.int32()))
    votes = [label(0, annotator=name, verdict=word) for name, word in (("x", "a"), ("y", "b"))]
    assert _status(*votes, batch=batch)["waiting"] == 2
    told = _status(*votes, label(0, annotator="lea", verdict="tie", purpose="adjudication"), batch=batch)
    assert (told["labels"], told["waiting"]) == (2, 0)
    assert told["verdicts"] == {"a": 1, "b": 1, "tie": 0, "both_bad": 0, "skip": 0}
    assert told["pairs"] == {"labelled": 1, "decided": 0, "undecided": 1, "disputed": 0, "ruled": 1}


def test_spend_and_budget():
    told = _status(
        label(0, annotator="x", cost=0.5, duration_ms=3_600_000),
        label(1, annotator="y", cost=0.25),
        label(2, annotator="x", cost=0.25, purpose="gold", duration_ms=0),
        label(3, annotator="m", source="judge:m", round=None, cost=0.1),
        label(4, annotator="data", source="data:file", round=None),
        campaign__budget__labels=10,
        campaign__budget__money=1.0,
        page__lease_minutes=60.0,
    )
    assert told["spend"]["labels"] == 4
    assert told["spend"]["money"] == pytest.approx(1.1)
    assert told["spend"]["hours"] == 1.0
    assert told["spend"]["by_source"]["human"]["money"] == pytest.approx(1.0)
    assert told["spend"]["by_source"]["judge:m"] == {"labels": 1, "money": 0.1, "hours": 0.0}
    assert told["budget"]["labels"] == {"limit": 10, "left": 6}
    assert told["budget"]["money"]["left"] == 0
    assert told["budget"]["hours"] == {"limit": None, "left": None}
    assert {row["annotator"]: row["money"] for row in told["annotators"]} == {
        "x": 0.75,
        "y": 0.25,
        "m": 0.1,
        "data": 0,
    }
    assert told["advice"]["sentence"] == "Stop: the budget of money is spent."


@pytest.mark.parametrize(
    ("limit", "sentence"),
    [
        ({"campaign__budget__hours": 1.0}, "Stop: the budget of hours covers no further comparison."),
        (
            {"campaign__budget__money": 0.6, "campaign__cost__per_label": 0.4, "campaign__budget__labels": 1},
            "Stop: the budget of labels is spent and the budget of money covers no further comparison.",
        ),
        ({"campaign__budget__hours": 1.2}, "Too early to tell: go on."),
    ],
)
def test_a_rest_that_covers_no_comparison_ends_the_campaign(limit, sentence):
    told = _status(label(0, cost=0.4, duration_ms=2_160_000), page__lease_minutes=36.0, **limit)
    assert told["budget"]["hours"]["left"] is None or told["budget"]["hours"]["left"] > 0
    assert told["advice"]["sentence"] == sentence


def test_nobody_who_was_paid_is_left_out():
    told = _status(
        label(0, annotator="x", cost=0.5),
        label(1, annotator="y", purpose="gold", cost=0.25),
        label(2, annotator="z", cost=0.125),
        label(2, annotator="z", verdict=None, reason=WITHDRAWN),
        label(0, annotator="lea", purpose="adjudication"),
    )
    assert {row["annotator"]: (row["votes"], row["money"]) for row in told["annotators"]} == {
        "x": (1, 0.5),
        "y": (0, 0.25),
        "z": (0, 0.125),
    }
    assert told["spend"]["money"] == 0.875


def test_a_correction_spends_no_second_label():
    told = _status(label(0), label(0, verdict="b"), campaign__budget__labels=2)
    assert told["spend"]["labels"] == told["spend"]["by_source"]["human"]["labels"] == 1
    assert told["budget"]["labels"] == {"limit": 2, "left": 1}
    assert told["advice"]["say"] == "too early"


def test_speed():
    labels = [label(n, timestamp=_ago(90 - 20 * n), duration_ms=1000 * (n + 1)) for n in range(5)]
    told = _status(*labels, label(9, source="oracle", timestamp=_ago(1), duration_ms=1))
    older = label(10, timestamp="2023-06-01T00:00:00Z")
    assert _status(*labels, older)["speed"]["last_hour"] == 3
    assert told["speed"] == {"last_hour": 3, "per_hour": 1200.0, "median_seconds": 3.0}


def test_what_the_batch_still_wants():
    batch = issued_of(0, 1, 2).set_column(
        ISSUED.get_field_index("annotators"), "annotators", pa.array([2, 2, 1], pa.int32())
    )
    told = _status(label(0), label(2), label(2, annotator="x"), batch=batch)
    assert (told["round"], told["waiting"], told["waiting_for_others"]) == (1, 3, 1)
    empty = _status(label(0), batch=batch.slice(0, 0), issued=batch)
    assert (empty["round"], empty["waiting"]) == (1, 0)
    assert empty["advice"]["sentence"] == "Stop: every pair that the policy may choose has its labels."


def campaign(count=90):
    rng = np.random.default_rng(0)
    parts = [issued_of(n, prompt=f"p{n}", n_labels=1 + n // 30 * 30, round_=n // 30) for n in range(count)]
    labels = [label(n, prompt_id=f"p{n}", verdict="ab"[int(rng.random() > 0.7)]) for n in range(count)]
    again = [label(n, prompt_id=f"p{n}", annotator="x", verdict="ab"[int(rng.random() > 0.7)]) for n in range(30)]
    return pa.concat_tables(parts), [*labels, *again]


def test_a_curve_its_gain_and_the_advice():
    issued, labels = campaign()
    told = _status(*labels, issued=issued)
    assert told["audit"]["pairs"] == told["audit"]["predicted"] == 90
    right = np.mean([word.verdict == "a" for word in labels[30:90]])
    shares = [np.mean([word.verdict == "a" for word in (labels[n], labels[90 + n])]) for n in range(30)]
    expected = (right * 60 + sum(shares)) / 90
    assert told["audit"]["accuracy"]["value"] == pytest.approx(expected)
    assert [point["pairs"] for point in told["curve"]["points"]] == [30, 30, 30]
    assert told["curve"]["line"][-1]["labels"] == 95
    assert told["gain"]["labels"]["low"] <= told["gain"]["labels"]["value"] <= told["gain"]["labels"]["high"]
    assert told["agreement"]["audit"]["pairs"] == 30
    assert told["ceiling"]["pairs"] == 30
    assert told["advice"]["say"] in ("go on", "stop", "more overlap")


def test_read_on_is_read_at_once(tmp_path):
    layout, params = Layout.folder(tmp_path), make_params()
    issued, labels = campaign()
    write_table(layout.issued, issued)
    log, reader = LabelLog(layout.labels), StatusReader(params, layout)
    assert reader.status(NOW)["labels"] == 0
    for start in range(0, len(labels), 50):
        log.append(labels[start : start + 50])
        assert reader.status(NOW) == campaign_status(params, layout, NOW)
    assert reader.status(NOW)["labels"] == 120
    layout.labels.write_text("")
    assert reader.status(NOW)["labels"] == 0


def test_all_who_look_within_some_seconds_share_one_status(tmp_path, monkeypatch):
    clock, made = iter([0.0, 0.1, 4.0, 5.2, 7.2, 27.1, 27.3, 27.4]), []
    monkeypatch.setattr(status_module, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    reader = StatusReader(make_params(), Layout.folder(tmp_path))
    status = reader.status
    monkeypatch.setattr(reader, "status", lambda now: made.append(now) or status(now))
    first = reader.shared(NOW)
    assert reader.shared(NOW) is first
    # The second took 2 seconds, so that it is kept for 20.
    second = reader.shared(NOW)
    assert second is not first
    assert reader.shared(NOW) is second
    assert reader.shared(NOW) is not second
    assert len(made) == 3
