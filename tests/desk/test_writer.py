"""One thread, jobs in order, and no future left behind."""

from __future__ import annotations

import threading

import pytest

from prefloop.desk.writer import Writer
from prefloop.errors import StateError


def test_what_came_meanwhile_is_done_together_and_in_order():
    groups, gate = [], threading.Event()

    def work(jobs):
        gate.wait(5)
        groups.append([job.what for job in jobs])
        for job in jobs[:3]:  # the others come again
            job.future.set_result(job.what)

    writer = Writer(work)
    futures = [writer.submit(number) for number in range(8)]
    gate.set()
    assert [future.result(5) for future in futures] == list(range(8))
    assert max(map(len, groups)) > 3
    writer.close()


def test_a_failure_is_told_to_those_it_meets_and_work_goes_on():
    def work(jobs):
        if jobs[0].what == "bad":
            raise ValueError("no")
        jobs[0].future.set_result("done")

    writer = Writer(work)
    bad = writer.submit("bad")
    with pytest.raises(ValueError, match="no"):
        bad.result(5)
    assert writer.submit("good").result(5) == "done"
    writer.close()
    writer.close()
    with pytest.raises(StateError, match="closed"):
        writer.submit("late")
