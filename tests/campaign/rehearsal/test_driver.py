"""Driver of a rehearsal: the real server and loop on a small world, with rounds made in this process."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

import stages.acquire
import stages.evaluate
import stages.labels
import stages.train
from prefloop.campaign.rehearsal.driver import START, Clock, Seat, drive, ended_by
from prefloop.campaign.rehearsal.people import Person
from prefloop.campaign.rehearsal.rehearse import Sides, line_of, row_of, started
from prefloop.campaign.running import running
from prefloop.desk.people import People, digest_of, new_token
from prefloop.desk.people import Person as Annotator
from prefloop.errors import DataError
from prefloop.io.json import read_json
from prefloop.labels.log import LabelLog
from prefloop.oracle.truth import Truth
from tests.worlds import make_params, make_world, pair_records

PLAIN = Person("p", 0.0, 0.0, 0.0, 0.0, 0.0, 20.0, 0.5, 0.0, 0)
NAMES = ("ann", "bob", "eve")


class InProcess:
    """Rounds of the stages' own code, without DVC."""

    def __init__(self, params, layout):
        self.params, self.layout, self.made = params, layout, 0

    def make(self):
        self.made += 1
        for stage in (stages.labels, stages.train, stages.evaluate, stages.acquire):
            stage.run(self.params, self.layout)

    def stop(self):
        pass


@pytest.fixture
def layout(tmp_path):
    layout = make_world(tmp_path, pair_records(), make_params())
    layout.labels.parent.mkdir()
    layout.labels.touch()
    return layout


def rehearsed(layout, people, **changes):
    """Why it ended, rows after each round, and the log."""
    params, rows = make_params(**changes), []
    rounds, clock = InProcess(params, layout), Clock()
    rounds.make()
    seats = [Seat(person, new_token()) for person in people]
    annotators = People(layout.people, [Annotator(s.person.name, "annotator", digest_of(s.token)) for s in seats])
    truth = Sides(params, layout)

    def tell(campaign, failure):
        assert failure is None
        truth.refresh()
        rows.append(row_of(campaign.status(), read_json(layout.campaign_metrics)))

    with running(params, layout, annotators, rounds, tell, clock=clock) as campaign:
        thread = started(campaign)
        ended = drive(campaign.server.url, seats, truth, clock, campaign.loop.step, 7200)
        campaign.server.stop()
        thread.join()
    return ended, rows, LabelLog(layout.labels).read_on().lines.to_pylist()


def people(count, **habits):
    return [replace(PLAIN, name=name, **habits) for name in NAMES[:count]]


def test_people_without_faults_say_the_truth_until_the_budget_is_spent(layout):
    ended, rows, log = rehearsed(layout, people(2), campaign__budget__labels=17, campaign__buffer=2)
    assert ended == "budget"
    assert len(log) == 17
    truth = Truth(make_params().oracle, layout.prepared)
    for line in log:
        assert line["verdict"] == truth.better(line["completion_a"], line["completion_b"])
    assert {line["annotator"] for line in log} == {"ann", "bob"}
    assert {line["shown_left"] for line in log} == {"a", "b"}
    # A batch of 6, then two of 5 whenever no more than 2 wait, and a last round on what the budget allowed.
    assert [row["labels"] for row in rows] == [4, 9, 14, 17]
    assert all(row["test_log_likelihood"] < 0 for row in rows)
    assert "17 labels on 17 pairs" in line_of(rows[-1])
    assert "on clean test answers" in line_of(rows[-1])
    by_votes = line_of(rows[-1] | {"estimate": {"value": -0.5, "low": -0.6, "high": -0.4}})
    assert by_votes.endswith(", -0.5000 on people's votes (audit slice)")


def test_time_is_that_of_the_people(layout):
    _, rows, log = rehearsed(layout, people(1), campaign__budget__labels=8, campaign__cost__per_hour=36.0)
    seconds = [PLAIN.takes(line["pair_id"], 1) for line in log]
    takes = [replace(PLAIN, name="ann").takes(line["pair_id"], 1) for line in log]
    assert seconds != takes
    assert [line["duration_ms"] for line in log] == [round(1000 * took) for took in takes]
    assert log[-1]["timestamp"].startswith("2026-01-05T")
    assert rows[-1]["hours"] == pytest.approx(sum(takes) / 3600, abs=1e-4)
    assert rows[-1]["money"] == pytest.approx(36 * sum(takes) / 3600, abs=1e-4)


def test_a_rehearsal_says_the_same_every_time(tmp_path):
    logs = []
    for name in ("one", "two"):
        layout = make_world(tmp_path / name, pair_records(), make_params())
        layout.labels.parent.mkdir()
        layout.labels.touch()
        some = people(3, flips=0.2, ties=0.1, leaves=0.05)
        ended, rows, log = rehearsed(layout, some, campaign__budget__labels=12)
        logs.append((ended, rows, [{key: value for key, value in line.items() if key != "lease"} for line in log]))
    assert json.dumps(logs[0]) == json.dumps(logs[1])


def test_who_leaves_leaves_the_question_to_others(layout):
    quitter, stayer = replace(PLAIN, name="ann", leaves=1.0), replace(PLAIN, name="bob")
    ended, _, log = rehearsed(layout, [quitter, stayer], campaign__budget__labels=12)
    assert (ended, {line["annotator"] for line in log}, len(log)) == ("budget", {"bob"}, 12)
    assert rehearsed_alone(layout) == "left"


def rehearsed_alone(layout):
    return rehearsed(layout, [replace(PLAIN, name="eve", leaves=1.0)])[0]


def test_a_pair_that_wants_more_people_than_there_are_ends_it(layout):
    ended, rows, log = rehearsed(layout, people(1), campaign__annotators_per_pair=2)
    assert ended == "stuck"
    # First answers are asked for until the pool has no other pair, and the last of them are learned from.
    assert len(log) == len({line["pair_id"] for line in log}) == rows[-1]["labels"] > 6


@pytest.mark.parametrize(
    ("reasons", "ended"),
    [
        (set(), "left"),
        ({"done"}, "done"),
        ({"empty"}, "stuck"),
        ({"others"}, "stuck"),
        ({"empty", "done"}, "done"),
        ({"budget"}, "budget"),
    ],
)
def test_why_it_ended_is_said(reasons, ended):
    assert ended_by(reasons) == ended


def test_data_without_answers_are_refused(tmp_path):
    layout = make_world(tmp_path, [replace(record, verdict=None) for record in pair_records()], make_params())
    with pytest.raises(DataError, match="rehearse on labelled data"):
        Truth(make_params().oracle, layout.prepared)


def test_the_clock_starts_on_a_monday_morning():
    from datetime import UTC, datetime

    assert datetime.fromtimestamp(START, UTC).strftime("%A %H:%M") == "Monday 09:00"
