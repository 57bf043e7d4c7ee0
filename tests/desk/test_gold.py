"""Gold items and repeats: how often, in which order, and what they leave alone."""

from __future__ import annotations

import json

import pytest

from prefloop.data.readers import Meaning
from prefloop.desk.gold import kind_of_question, read_gold, stands_left
from prefloop.errors import ConfigError, DataError
from prefloop.io.layout import Layout
from prefloop.labels.aggregate import standing_votes
from prefloop.labels.log import LabelLog
from tests.desk.helpers import MINUTE, Clock, given, open_desk, write_batch


def write_gold(path, count, **changes):
    rows = [{"prompt": f"q{n}", "chosen": f"good {n}", "rejected": f"bad {n}"} | changes for n in range(count)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def label_all(desk, annotator, limit=100):
    """Answer all that comes; the tasks."""
    tasks = []
    while len(tasks) < limit and hasattr(task := desk.next(annotator), "lease"):
        desk.answer(annotator, given(task.lease)).result()
        tasks.append(task)
    return tasks


def test_gold_items_are_read_with_their_answers(tmp_path):
    gold = read_gold(write_gold(tmp_path / "gold.jsonl", 3), Meaning())
    assert len(gold.items) == 3
    for item in gold.items:
        better = item.completion_a if item.verdict == "a" else item.completion_b
        assert gold.texts[better].plain.startswith("good")
        assert gold.texts[item.prompt_id].plain.startswith("q")


@pytest.mark.parametrize(
    "rows",
    [
        [{"prompt": "q", "chosen": "x", "rejected": "x"}],
        [{"prompt": "q", "completion_a": "x", "completion_b": "y", "label": None}],
        [{"prompt": "q", "chosen": "x", "rejected": "y"}, {"prompt": "q", "chosen": "y", "rejected": "x"}],
    ],
)
def test_a_gold_item_without_one_answer_is_refused(tmp_path, rows):
    path = tmp_path / "gold.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DataError):
        read_gold(path, Meaning())


def test_a_share_of_gold_needs_a_file(tmp_path):
    with pytest.raises(ConfigError, match="gold_share"):
        open_desk(tmp_path, Clock(), page__gold_share=0.1)


def test_shares_are_kept_and_the_choice_repeats():
    kinds = [kind_of_question(0, "ann", n, 0.2, 0.3) for n in range(4000)]
    assert abs(kinds.count("gold") / 4000 - 0.2) < 0.03
    assert abs(kinds.count("repeat") / 4000 - 0.3) < 0.03
    assert kinds == [kind_of_question(0, "ann", n, 0.2, 0.3) for n in range(4000)]
    sides = [stands_left(0, "ann", str(n), False) for n in range(4000)]
    assert abs(sides.count("a") / 4000 - 0.5) < 0.04
    assert all(stands_left(0, "ann", str(n), True) != side for n, side in enumerate(sides))
    assert sum(stands_left(0, "bob", str(n), False) == side for n, side in enumerate(sides)) < 2200


def test_they_come_once_each_among_others_and_are_no_votes(tmp_path):
    layout = Layout.folder(tmp_path)
    write_batch(layout, dict.fromkeys(range(40), 1))
    gold = {"page__gold": str(write_gold(tmp_path / "gold.jsonl", 4)), "page__gold_share": 0.25}
    desk = open_desk(tmp_path, Clock(), page__repeat_share=0.25, campaign__cost__per_label=0.5, **gold)
    tasks = label_all(desk, "ann")
    kinds = [task.purpose for task in tasks]
    assert (kinds.count(None), kinds.count("gold")) == (40, 4)
    assert kinds.count("repeat") > 3
    for kind in ("gold", "repeat"):
        asked = [task.pair_id for task in tasks if task.purpose == kind]
        assert len(set(asked)) == len(asked)
    lines = LabelLog(layout.labels).read_on().lines
    assert len(standing_votes(lines)) == 40
    assert sum(lines["cost"].to_pylist()) == 0.5 * len(tasks)
    votes = {task.pair_id: task for task in tasks if task.purpose is None}
    for task in tasks:
        if task.purpose == "repeat":
            assert task.shown_left != votes[task.pair_id].shown_left
    desk.close()
    layout.labels.unlink()
    layout.queue.unlink()
    again = open_desk(tmp_path, Clock(), page__repeat_share=0.25, campaign__cost__per_label=0.5, **gold)
    assert [(t.pair_id, t.purpose, t.left_id) for t in label_all(again, "ann")] == [
        (t.pair_id, t.purpose, t.left_id) for t in tasks
    ]
    again.close()


def test_what_is_taken_back_is_so_in_the_log_and_looks_alike_whatever_it_was(tmp_path):
    layout = Layout.folder(tmp_path)
    write_batch(layout, dict.fromkeys(range(30), 1))
    path = write_gold(tmp_path / "gold.jsonl", 5)
    desk = open_desk(
        *(tmp_path, Clock()), page__gold=str(path), page__gold_share=0.3, page__repeat_share=0.3,
        campaign__cost={"per_label": 1.0, "per_hour": 0.0, "currency": "EUR"},
    )  # fmt: skip
    kinds, steps = set(), set()
    while len(kinds) < 3:
        task, start = desk.next("ann"), desk.progress("ann")
        desk.answer("ann", given(task.lease)).result()
        answered = desk.progress("ann")
        again = desk.undo("ann", answered.last_lease).result()
        undone = desk.progress("ann")
        assert (again.pair_id, again.purpose, again.left_id) == (task.pair_id, task.purpose, task.left_id)
        line = LabelLog(layout.labels).read_on().lines.to_pylist()[-1]
        assert (line["reason"], line["purpose"], line["pair_id"]) == ("withdrawn", task.purpose, task.pair_id)
        assert desk.answer("ann", given(again.lease, "tie")).result().verdict == "tie"
        kinds.add(task.purpose)
        after = desk.progress("ann")
        steps.add(tuple((p.total - start.total, p.wanted - start.wanted) for p in (answered, undone, after)))
    assert steps == {((1, 0), (0, 0), (1, 0))}
    count = desk.progress("ann").total
    assert desk._queue.spent.money == count
    desk.close()
    layout.queue.unlink()
    after = open_desk(tmp_path, Clock())
    assert after.progress("ann").total == count
    after.close()


def test_what_was_paid_for_and_taken_back_is_not_paid_again_under_another_lease(tmp_path):
    write_batch(Layout.folder(tmp_path), {0: 1})
    clock, price = Clock(), {"per_label": 1.0, "per_hour": 0.0, "currency": "EUR"}
    desk = open_desk(tmp_path, clock, campaign__cost=price)
    for _ in range(2):
        desk.answer("ann", given(desk.next("ann").lease)).result()
        desk.undo("ann").result()
        clock.now += 2 * MINUTE
    desk.answer("ann", given(desk.next("ann").lease)).result()
    assert (desk._queue.spent.money, desk._queue.spent.labels) == (1.0, 1)
    desk.close()
