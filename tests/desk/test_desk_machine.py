"""A desk against a naive model that reads the whole log each time."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp

import pyarrow as pa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from prefloop.desk.task import (
    Gone,
    NothingToUndo,
    OverBudget,
    Refused,
    Task,
    UnknownLease,
    UnknownPair,
    Wait,
)
from prefloop.io.layout import Layout
from prefloop.labels.aggregate import aggregate, standing_votes
from prefloop.labels.disputes import disputed
from prefloop.labels.label import WITHDRAWN, Label
from prefloop.labels.lines import NO_LINES, read_lines
from prefloop.labels.log import LabelLog
from tests.desk.helpers import MINUTE, Clock, given, open_desk, pair, write_batch
from tests.worlds import make_params

PEOPLE = ("ann", "bob", "cem")
PAIRS = 5
people = st.sampled_from(PEOPLE)
numbers = st.integers(0, PAIRS - 1)
verdicts = st.sampled_from(["left", "right", "tie", "skip"])
batches = st.dictionaries(numbers, st.integers(1, 3), min_size=1)


class DeskMachine(RuleBasedStateMachine):
    """Several people before one desk, others who write into the log, and files that get lost."""

    @initialize(wanted=batches, labels=st.none() | st.integers(1, 9))
    def open(self, wanted, labels):
        self.root, self.clock, self.labels = Path(mkdtemp()), Clock(), labels
        self.layout = Layout.folder(self.root)
        self.leases = {}  # those that the desk knows and nobody has answered: task and people wanted
        self.lost = {}  # those that were answered, or of a queue that was lost
        self.acknowledged = {}
        self.write(wanted)
        self.desk = self.opened()

    def opened(self):
        return open_desk(self.root, self.clock, campaign__budget__labels=self.labels)

    def write(self, wanted):
        self.wanted = {pair(number)["pair_id"]: people for number, people in wanted.items()}
        write_batch(self.layout, wanted)

    def teardown(self):
        with suppress(AttributeError):
            self.desk.close()
            shutil.rmtree(self.root)

    # ---- what the log says

    def lines(self):
        if not self.layout.labels.is_file():
            return NO_LINES
        with open(self.layout.labels, "rb") as handle:
            return read_lines(handle, self.layout.labels)[0]

    def standing(self, pair_id):
        rows = standing_votes(self.lines()).to_pylist()
        return [row["annotator"] for row in rows if row["pair_id"] == pair_id and row["purpose"] is None]

    def ruled(self, pair_id):
        rows = [row for row in self.lines().to_pylist() if row["pair_id"] == pair_id]
        return any(row["purpose"] == "adjudication" for row in rows)

    def spent(self):
        rows = [row for row in standing_votes(self.lines()).to_pylist() if row["purpose"] is None]
        return sum(not row["source"].startswith("data:") for row in rows)

    def has_place(self, task, wanted):
        standing = self.standing(task.pair_id)
        return len(standing) < wanted and task.annotator not in standing and not self.ruled(task.pair_id)

    def waiting(self):
        """Pairs of the batch that want a further word."""
        return [
            pair_id for pair_id, wanted in self.wanted.items()
            if len(self.standing(pair_id)) < wanted and not self.ruled(pair_id)
        ]  # fmt: skip

    def active(self):
        """Leases whose holders may be at them, and can still answer."""
        return [
            task for task, wanted in self.leases.values()
            if task.expires_at > self.clock.now and self.has_place(task, wanted)
        ]  # fmt: skip

    def others(self, pair_id, annotator):
        return len({task.annotator for task in self.active() if task.pair_id == pair_id} - {annotator})

    # ---- what people do

    @rule(annotator=people)
    def ask(self, annotator):
        held = [task for task in self.active() if task.annotator == annotator]
        active, spent = self.active(), self.spent()
        task = self.desk.next(annotator)
        if held:
            assert task in held
            return
        free = [
            pair_id for pair_id, wanted in self.wanted.items()
            if len(self.standing(pair_id)) + self.others(pair_id, annotator) < wanted
            and annotator not in self.standing(pair_id) and not self.ruled(pair_id)
        ]  # fmt: skip
        if self.labels is not None and spent + 1 > self.labels:
            assert task == Wait("budget")
        elif not free and (waiting := self.waiting()):
            has_said_all = all(annotator in self.standing(pair_id) for pair_id in waiting)
            assert task == Wait("others" if has_said_all else "empty")
        elif not free or (self.labels is not None and spent + len(active) + 1 > self.labels):
            assert task == Wait("empty")
        else:
            assert isinstance(task, Task)
            assert task.pair_id == free[0]
            self.leases[task.lease] = (task, self.wanted[task.pair_id])

    @precondition(lambda self: self.leases or self.lost)
    @rule(data=st.data(), verdict=verdicts, answers=st.integers(1, 3))
    def answer(self, data, verdict, answers):
        """Some leases are answered at once, perhaps one of them twice."""
        everything = self.leases | self.lost
        chosen = data.draw(st.lists(st.sampled_from(list(everything)), min_size=answers, max_size=answers))
        if answers == 1:
            expected = self.expected(chosen[0])
        futures = [(one, self.desk.answer(everything[one][0].annotator, given(one, verdict))) for one in chosen]
        for lease, future in futures:
            error = future.exception(5)
            if answers == 1:
                assert type(error) is expected
            if error is None:
                outcome = future.result()
                assert outcome.known == (lease in self.acknowledged)
                first = self.acknowledged.setdefault(lease, outcome)
                assert (outcome.verdict, outcome.timestamp) == (first.verdict, first.timestamp)
                self.leases.pop(lease, None)
                self.lost[lease] = everything[lease]
            else:
                assert isinstance(error, Refused)

    def expected(self, lease):
        """What becomes of one answer: None if it is taken."""
        if lease in self.acknowledged:
            return type(None)
        if lease in self.lost:
            return UnknownLease
        task, wanted = self.leases[lease]
        if not self.has_place(task, wanted):
            return Gone
        is_late = task.expires_at <= self.clock.now
        if is_late and len(self.standing(task.pair_id)) + self.others(task.pair_id, task.annotator) >= wanted:
            return Gone
        if self.labels is not None and self.spent() + 1 + (len(self.active()) if is_late else 0) > self.labels:
            return OverBudget
        return type(None)

    @rule(annotator=people)
    def undo(self, annotator):
        said = {row["lease"] for row in standing_votes(self.lines()).to_pylist() if row["annotator"] == annotator}
        future = self.desk.undo(annotator)
        error = future.exception(5)
        if error is None:
            task = future.result()
            assert task.annotator == annotator not in self.standing(task.pair_id)
            assert said - {None}
            wanted = max(self.wanted.get(task.pair_id, 1), len(self.standing(task.pair_id)) + 1)
            self.leases[task.lease] = (task, wanted)
        else:
            assert isinstance(error, NothingToUndo | OverBudget)
            ruled = any(self.ruled(pair(number)["pair_id"]) for number in range(PAIRS))
            assert isinstance(error, OverBudget) or not said - {None} or ruled

    @rule(number=numbers, verdict=st.sampled_from(["a", "b", "tie"]))
    def adjudicate(self, number, verdict):
        error = self.desk.adjudicate("lea", pair(number)["pair_id"], verdict).exception(5)
        assert error is None or isinstance(error, UnknownPair)
        pairs = aggregate(self.lines(), make_params().labels)
        in_dispute = pairs.filter(pa.array(disputed(pairs)))["pair_id"].to_pylist()
        assert sorted(conflict["pair_id"] for conflict in self.desk.conflicts().first) == sorted(in_dispute)
        assert self.desk.progress("lea").total == self.spent()

    @rule(annotator=people)
    def look(self, annotator):
        self.ask(annotator)  # which takes in what others have written
        touched = [pair_id for pair_id in self.waiting() if self.standing(pair_id)]
        assert self.desk.further() == len(touched)
        assert self.desk.open() == len(self.waiting()) - len(touched)

    # ---- what else happens

    @rule(minutes=st.sampled_from([0.4, 0.7, 1.1]))
    def wait(self, minutes):
        self.clock.now += minutes * MINUTE

    @rule(
        number=numbers,
        annotator=st.sampled_from([*PEOPLE, "zed"]),
        source=st.sampled_from(["human", "data:f"]),
        withdraws=st.booleans(),
    )
    def others_append(self, number, annotator, source, withdraws):
        said = (
            {"reason": WITHDRAWN}
            if withdraws and annotator in self.standing(pair(number)["pair_id"])
            else {"verdict": "a"}
        )
        label = Label(**pair(number), annotator=annotator, source=source, timestamp="2024-01-01T00:00:00Z", **said)
        LabelLog(self.layout.labels).append([label])

    @rule(wanted=batches)
    def new_batch(self, wanted):
        self.write(wanted)

    @rule()
    def reopen(self):
        self.desk.close()
        self.desk = self.opened()

    @rule(damaged=st.sampled_from([None, b"", b"no queue" * 999]))
    def lose_the_queue(self, damaged):
        self.desk.close()
        self.layout.queue.unlink()
        if damaged is not None:
            self.layout.queue.write_bytes(damaged)
        self.lost |= self.leases
        self.leases = {}
        self.desk = self.opened()

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), torn=st.booleans())
    def killed_before_the_queue_knew(self, data, torn):
        """The line of an answer is on the disk, and the process dies before anything else."""
        lease = data.draw(st.sampled_from(list(self.leases)))
        self.desk.close()
        shutil.copy(self.layout.queue, self.root / "before")
        self.desk = self.opened()
        annotator = self.leases[lease][0].annotator
        with suppress(Refused):
            self.acknowledged[lease] = self.desk.answer(annotator, given(lease)).result(5)
            self.lost[lease] = self.leases.pop(lease)
        self.desk.close()
        shutil.copy(self.root / "before", self.layout.queue)
        if torn:
            with open(self.layout.labels, "ab") as log:
                log.write(b'{"pair_id": "half a li')
        self.desk = self.opened()

    # ---- what always holds

    @invariant()
    def nothing_is_lost_or_doubled(self):
        if not hasattr(self, "desk"):
            return
        rows = [row for row in self.lines().to_pylist() if row["lease"]]
        assert sorted(row["lease"] for row in rows) == sorted(self.acknowledged)
        for row in rows:
            said = {"a": "left", "b": "right"} if row["shown_left"] == "a" else {"a": "right", "b": "left"}
            assert said.get(row["verdict"], row["verdict"]) == self.acknowledged[row["lease"]].verdict


TestDesk = DeskMachine.TestCase
TestDesk.settings = settings(
    max_examples=6, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
