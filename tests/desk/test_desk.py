"""A desk among threads, other processes and full disks."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given as given_of
from hypothesis import settings
from hypothesis import strategies as st

from prefloop.desk import Desk
from prefloop.desk.task import Gone, OverBudget, Wait
from prefloop.errors import DataError, StateError
from prefloop.io import json as io_json
from prefloop.io.layout import Layout
from prefloop.labels.label import WITHDRAWN
from prefloop.labels.log import LabelLog
from prefloop.labels.verdicts import WORDS
from tests.desk.helpers import MINUTE, Clock, given, open_desk, pair, write_batch
from tests.labels.helpers import label


@pytest.fixture
def layout(tmp_path):
    layout = Layout.folder(tmp_path)
    write_batch(layout, dict.fromkeys(range(6), 1))
    return layout


@pytest.fixture
def desk(tmp_path, layout):
    desk = open_desk(tmp_path, Clock())
    yield desk
    desk.close()


def test_many_at_once_get_pairs_of_their_own_and_share_writes(tmp_path, monkeypatch):
    layout = Layout.folder(tmp_path)
    write_batch(layout, {n: 1 + n % 2 for n in range(40)})
    desk, synced = open_desk(tmp_path, Clock()), []
    sync = os.fsync
    monkeypatch.setattr(io_json.os, "fsync", lambda handle: (synced.append(handle), sync(handle)))

    def work(name):
        while not isinstance(task := desk.next(name), Wait):
            desk.answer(name, given(task.lease)).result(20)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(work, [f"ann-{n}" for n in range(12)]))
    desk.close()
    lines = LabelLog(layout.labels).read_on().lines.to_pylist()
    votes = Counter(line["pair_id"] for line in lines)
    assert votes == {pair(n)["pair_id"]: 1 + n % 2 for n in range(40)}
    assert len({(line["pair_id"], line["annotator"]) for line in lines}) == len(lines) == 60
    assert len(synced) < 60


def test_a_full_disk_loses_nothing_and_keeps_the_place(desk, monkeypatch):
    task = desk.next("ann")

    def full(handle, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(io_json.os, "write", full)
        with pytest.raises(OSError, match="No space"):
            desk.answer("ann", given(task.lease)).result(5)
    assert desk.next("ann") == task
    assert desk.next("bob").pair_id != task.pair_id
    assert not desk.answer("ann", given(task.lease)).result(5).known


def test_an_answer_after_the_lease_counts_while_nobody_has_its_place(desk):
    ann, bob = desk.next("ann"), desk.next("bob")
    desk._clock.now += 1.1 * MINUTE
    assert desk.next("cem").pair_id == ann.pair_id
    with pytest.raises(Gone):
        desk.answer("ann", given(ann.lease)).result(5)
    assert not desk.answer("bob", given(bob.lease)).result(5).known


def test_a_budget_is_not_passed_by_those_who_answer_late(tmp_path, layout):
    desk = open_desk(tmp_path, Clock(), campaign__budget__labels=2)
    late, ann = desk.next("late"), desk.next("ann")
    assert desk.next("bob") == Wait("empty")
    desk._clock.now += 1.1 * MINUTE
    bob, cem = desk.next("bob"), desk.next("cem")
    assert {bob.pair_id, cem.pair_id} == {late.pair_id, ann.pair_id}
    desk._clock.now += 1.1 * MINUTE
    dora = desk.next("dora")
    for name, task in (("bob", bob), ("dora", dora)):
        if task.pair_id != dora.pair_id or name == "dora":
            desk.answer(name, given(task.lease)).result(5)
    desk.close()
    lines = LabelLog(layout.labels).read_on().lines
    assert len(lines) <= 2


def test_the_hours_of_open_leases_are_kept_back(tmp_path, layout):
    # Three minutes, leases of one: whoever comes fourth might pass the limit.
    desk = open_desk(tmp_path, Clock(), campaign__budget__hours=0.05)
    tasks = {name: desk.next(name) for name in ("ann", "bob", "cem")}
    assert desk.next("dora") == Wait("empty")
    for name, task in tasks.items():
        desk.answer(name, given(task.lease, duration_ms=10**7)).result(5)
    assert desk.next("dora") == Wait("budget")
    with pytest.raises(OverBudget):
        desk.undo("ann").result(5)
    desk.close()


def test_a_campaign_has_one_server(tmp_path, layout, desk):
    with pytest.raises(StateError, match="another server of this campaign"):
        open_desk(tmp_path, Clock())
    desk.close()
    holds = (
        "import sys, filelock as f; lock = f.FileLock(sys.argv[1]); lock.acquire(); print(1, flush=True); input()"
    )
    command = [sys.executable, "-c", holds, f"{layout.queue}.server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline()
        with pytest.raises(StateError, match="another server of this campaign"):
            open_desk(tmp_path, Clock())
        other.kill()
    open_desk(tmp_path, Clock()).close()


def test_a_line_of_others_that_is_no_label_stops_writing_until_it_is_put_right(layout, desk):
    task = desk.next("ann")
    layout.labels.parent.mkdir(exist_ok=True)
    with open(layout.labels, "ab") as log:
        log.write(b"{}\n")
    with pytest.raises(DataError, match="row 1"):
        desk.answer("ann", given(task.lease)).result(5)
    layout.labels.write_bytes(b"")
    assert not desk.answer("ann", given(task.lease)).result(5).known


def test_a_restored_log_is_read_from_its_beginning(layout, desk):
    LabelLog(layout.labels).append([label(n, annotator="ann") for n in range(3)])
    assert desk.next("ann").pair_id == pair(3)["pair_id"]
    layout.labels.write_bytes(b"")
    LabelLog(layout.labels).append([label(1, annotator="zed", comment="x")])
    assert desk.next("bob").pair_id == pair(0)["pair_id"]
    assert desk.progress("zed").yours == 1
    assert desk.progress("ann").yours == 0


def test_there_is_nothing_without_a_batch_and_an_empty_one_is_the_end(tmp_path):
    layout = Layout.folder(tmp_path)
    desk = open_desk(tmp_path, Clock())
    assert (desk.next("ann"), desk.waiting()) == (Wait("empty"), 0)
    write_batch(layout, {})
    assert desk.next("ann") == Wait("done")
    write_batch(layout, {0: 1})
    desk.refresh()
    assert desk.waiting() == 1
    assert desk.next("ann").pair_id == pair(0)["pair_id"]
    assert desk.waiting() == 0
    desk.close()
    with pytest.raises(StateError, match="closed"):
        desk.answer("ann", given("x"))


def test_what_was_taken_is_written_before_the_desk_closes(tmp_path, layout):
    desk = open_desk(tmp_path, Clock())
    tasks = [(name, desk.next(name)) for name in ("ann", "bob", "cem")]
    futures = [desk.answer(name, given(task.lease)) for name, task in tasks]
    desk.close()
    assert all(future.done() and not future.result().known for future in futures)
    assert isinstance(desk, Desk)


def test_progress_tells_speed_and_what_is_wanted(desk):
    for _ in range(2):
        desk.answer("ann", given(desk.next("ann").lease, duration_ms=15_000)).result(5)
    progress = desk.progress("ann")
    assert (progress.yours, progress.minute_rate, progress.total, progress.wanted) == (2, 4.0, 2, 6)
    assert desk.progress("bob").minute_rate is None


def test_a_lease_of_a_clock_that_ran_ahead_holds_nothing(tmp_path, layout):
    clock = Clock()
    desk = open_desk(tmp_path, clock)
    clock.now += 365 * 24 * 60 * MINUTE
    first = desk.next("gone")
    desk.close()
    clock.now -= 364 * 24 * 60 * MINUTE
    desk = open_desk(tmp_path, clock)
    assert desk.next("ann").pair_id == first.pair_id
    clock.now -= 4 * MINUTE  # as much as may be between two looks at a clock that is set
    assert desk.next("bob").pair_id != first.pair_id
    desk.close()


def test_a_pair_that_is_set_aside_is_asked_of_nobody_until_the_next_batch(layout, desk):
    first = desk.next("ann")
    desk.set_aside(first)
    assert {desk.next(name).pair_id for name in ("ann", "bob", "cem", "dora", "eve")} == {
        pair(number)["pair_id"] for number in range(1, 6)
    }
    assert desk.next("fay") == Wait("empty")
    write_batch(layout, dict.fromkeys(range(7), 1))
    assert desk.next("fay").pair_id == first.pair_id


words = st.lists(st.tuples(st.integers(0, 3), st.sampled_from("xyz"), st.sampled_from([*WORDS, None, "rule"])))


@settings(max_examples=20, deadline=None)
@given_of(words)
def test_conflicts_are_the_pairs_on_which_standing_votes_disagree(said):
    more = {None: {"verdict": None, "reason": WITHDRAWN}, "rule": {"verdict": "tie", "purpose": "adjudication"}}
    with TemporaryDirectory() as folder:
        lines = [label(n, annotator=who, **more.get(word, {"verdict": word})) for n, who, word in said]
        LabelLog(Layout.folder(Path(folder)).labels).append(lines)
        desk = open_desk(Path(folder), Clock())
        conflicts = desk.conflicts(limit=2)
        desk.close()
    votes = {}
    for number, who, word in said:
        votes.setdefault(number, {})["" if word == "rule" else who] = word
    sides = {"tie": "neither", "both_bad": "neither", "skip": None}
    disputed = [
        pair(number)["pair_id"] for number, each in votes.items()
        if "" not in each and len({sides.get(word, word) for word in each.values()} - {None}) > 1
    ]  # fmt: skip
    assert [row["pair_id"] for row in conflicts.first] == disputed[:2]  # the oldest first
    assert conflicts.total == len(disputed)


def test_conflicts_show_what_was_said_besides(layout, desk):
    LabelLog(layout.labels).append(
        [label(1, annotator="x", verdict="a", strength=0.5, reasons=("short", "true")), label(1, verdict="tie")]
    )
    desk.next("ann")
    (conflict,) = desk.conflicts().first
    assert [(vote["strength"], vote["reasons"]) for vote in conflict["votes"]] == [
        (0.5, ["short", "true"]),
        (None, []),
    ]


def test_who_has_said_all_waits_for_others_and_is_told_so(tmp_path, layout):
    write_batch(layout, {0: 2, 1: 1})
    desk = open_desk(tmp_path, Clock())
    bob = desk.next("bob")
    assert (desk.open(), desk.further(), desk.is_stuck()) == (2, 0, False)
    for _ in range(2):
        desk.answer("ann", given(desk.next("ann").lease)).result(5)
    assert desk.next("ann") == Wait("others")
    assert (desk.open(), desk.further()) == (0, 1)
    desk._clock.now += MINUTE - 1
    # Bob has it still; once his lease is over, nobody is left who could answer.
    assert not desk.is_stuck()
    desk._clock.now += 1
    assert desk.is_stuck()
    again = desk.next("bob")
    assert (again.pair_id, desk.is_stuck()) == (bob.pair_id, False)
    desk.answer("bob", given(again.lease)).result(5)
    assert desk.next("ann") == Wait("empty")
    desk._clock.now += 9 * MINUTE
    assert not desk.is_stuck()
    desk.close()
