"""Loop of a campaign: when a round is due, and what a failed one does."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefloop.campaign.rounds import RoundFailed
from prefloop.campaign.run import Loop, View, backoff, is_due, sizes_of
from prefloop.io.arrays import write_table
from prefloop.io.layout import Layout
from prefloop.labels.label import Label
from prefloop.labels.log import LabelLog
from prefloop.labels.table import take_snapshot
from tests.desk.helpers import pair, write_batch
from tests.worlds import make_params

COUNT = st.integers(0, 100)


@st.composite
def views(draw):
    """A campaign between two rounds: what nobody had answered is open still, or not."""
    batch = draw(COUNT)
    fresh = draw(st.integers(0, batch))
    open_ = draw(st.integers(0, fresh))
    further = draw(st.integers(0, batch - open_))
    return View(batch, fresh, open_, further, draw(COUNT), draw(st.booleans()), draw(st.booleans()))


VIEWS = views()


def alone(batch, new):
    """A campaign that asks one person about each pair."""
    return View(batch, batch, batch - new, 0, new)


@given(VIEWS, COUNT)
def test_without_new_verdicts_nothing_is_due(view, buffer):
    assert not is_due(replace(view, new=0), buffer)


@given(VIEWS, COUNT, st.integers(0, 20))
def test_more_verdicts_and_fewer_open_never_undo_a_round(view, buffer, more):
    if is_due(view, buffer):
        assert is_due(replace(view, open=max(view.open - more, 0), new=view.new + more), buffer)


@given(st.integers(1, 80), st.data())
def test_a_round_is_made_exactly_when_a_new_batch_would_be_chosen(batch, data):
    buffer = data.draw(st.integers(0, batch - 1))
    rounds = [new for new in range(batch + 1) if is_due(alone(batch, new), buffer)]
    assert rounds == list(range(batch - buffer, batch + 1))


@given(VIEWS, COUNT, COUNT, st.booleans())
def test_second_answers_keep_nobody_from_a_new_batch(view, buffer, further, stuck):
    if view.fresh > buffer:
        assert is_due(view, buffer) == is_due(replace(view, further=further, stuck=stuck), buffer)


@given(st.integers(1, 80), st.integers(0, 80))
def test_a_used_up_pool_makes_one_round_for_its_rest(rest, buffer):
    if rest <= buffer:
        assert [n for n in range(rest + 1) if is_due(alone(rest, n), buffer)] == [rest]


@given(st.integers(1, 40), st.integers(0, 39), st.integers(0, 80), st.data())
def test_the_second_answers_of_a_used_up_pool_make_one_round_while_somebody_gives_them(rest, fresh, buffer, data):
    fresh = min(fresh, rest, buffer)
    further = data.draw(st.integers(1, rest))
    working = View(rest, fresh, 0, further, data.draw(st.integers(1, 80)))
    assert not is_due(working, buffer)
    assert is_due(replace(working, stuck=True), buffer)
    assert is_due(replace(working, further=0), buffer)


@given(VIEWS, COUNT)
def test_what_is_over_is_learned_from_once_more(view, buffer):
    if view.is_over and view.new:
        assert is_due(view, buffer)
    assert view.is_over == (view.spent or view.batch == 0)


@given(st.integers(1, 10_000))
def test_tries_are_ever_farther_apart_up_to_a_limit(failures):
    assert 5 <= backoff(failures) <= backoff(failures + 1) <= 300


class Place:
    """A desk, a clock and what makes rounds: the log and the batch are real files."""

    def __init__(self, root):
        self.layout = Layout(root / "data", root / ".prefloop")
        self.layout.labels.parent.mkdir(parents=True)
        self.layout.labels.touch()
        self.now, self.fails, self.made, self.refreshed = 0.0, 0, [], 0
        self.told = []
        self.write_batch(6)

    def write_batch(self, rows):
        write_table(self.layout.batch, pa.table({"pair_id": [str(n) for n in range(rows)]}))
        self.layout.label_snapshot.parent.mkdir(parents=True, exist_ok=True)
        self.layout.label_snapshot.write_bytes(self.layout.labels.read_bytes())
        self.rows = rows

    def label(self, count):
        with open(self.layout.labels, "a") as handle:
            handle.write("{}\n" * count)

    def open(self):
        new = len(self.layout.labels.read_text().splitlines())
        return self.rows - new + len(self.layout.label_snapshot.read_text().splitlines())

    def further(self):
        return 0

    def is_stuck(self):
        return False

    def is_spent(self):
        return False

    def refresh(self):
        self.refreshed += 1

    def make(self):
        if self.fails:
            self.fails -= 1
            raise RoundFailed("dvc repro ended with 255:\nno space")
        self.made.append(self.layout.labels.stat().st_size)
        self.write_batch(6)

    def stop(self):
        pass


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def loop_of(place):
    return Loop(place, place.layout, 2, place, place.told.append, lambda: place.now)


def test_a_round_is_made_when_few_wait_and_taken_up(place):
    loop = loop_of(place)
    place.label(3)
    assert not loop.step()
    place.label(1)
    assert loop.step()
    assert (place.refreshed, place.told) == (1, [None])
    assert not loop.step()


def test_a_failed_round_is_told_and_tried_again_later(place):
    loop = loop_of(place)
    place.label(4)
    place.fails = 2
    assert not loop.step()
    assert "no space" in str(place.told[0])
    assert not loop.step()
    assert len(place.told) == 1
    place.now = 5.0
    assert not loop.step()
    place.now = 10.0
    assert not loop.step()
    place.now = 15.0
    assert loop.step()
    assert [error is None for error in place.told] == [False, False, True]


def test_a_desk_that_fails_ends_no_loop(place, caplog):
    loop, real = loop_of(place), place.open
    place.label(4)
    place.open = lambda: 1 / 0
    loop.start(at_once=False)
    while not caplog.records:
        pass
    assert "ZeroDivisionError" in caplog.text
    place.open, place.now = real, 1e6
    while not place.made:
        pass
    loop.stop()
    assert not loop._thread.is_alive()


def test_the_first_round_is_owed_whatever_has_changed(place):
    loop = loop_of(place)
    loop.start(at_once=True)
    while not place.told:
        pass
    loop.stop()
    assert place.made == [0]


def test_what_was_open_is_told_by_batch_and_labels_of_the_round(tmp_path):
    layout = Layout.folder(tmp_path)
    assert sizes_of(layout.batch, layout.label_table) == (0, 0)
    write_batch(layout, dict.fromkeys(range(5), 2))
    assert sizes_of(layout.batch, layout.label_table) == (5, 5)
    said = [("ann", 0, "a"), ("bob", 0, "b"), ("ann", 1, "skip"), ("ann", 7, "a")]
    LabelLog(layout.labels).append(
        Label(**pair(number), annotator=who, verdict=verdict, source="human", timestamp="2024-01-01T00:00:00Z")
        for who, number, verdict in said
    )
    layout.label_table.parent.mkdir(parents=True)
    take_snapshot(layout.labels, layout.label_snapshot, layout.label_table, make_params().labels)
    assert sizes_of(layout.batch, layout.label_table) == (5, 3)


@pytest.mark.parametrize("fails", [0, 1])
def test_a_round_that_cannot_be_told_of_is_made_once(place, caplog, fails):
    def closed(_):
        raise BrokenPipeError

    loop = Loop(place, place.layout, 2, place, closed, lambda: place.now)
    place.label(4)
    place.fails = fails
    for _ in range(40):
        loop.step()
        place.now += 1.0
    assert len(place.made) == place.refreshed == 1
    assert "could not be told of" in caplog.text
