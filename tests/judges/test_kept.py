"""The log of paid answers: nothing is asked twice, nothing is lost, nothing wrong is passed over."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.errors import DataError
from prefloop.io.json import read_jsonl
from prefloop.judges.kept import Kept
from prefloop.labels.comparison import Comparison
from prefloop.labels.verdicts import TIE
from tests.judges.helpers import PAIRS, Table, comparisons, swapped, turned, verdicts
from tests.worlds import ROOT


def lines(path):
    return [entry for _, entry in read_jsonl(path)] if path.exists() else []


@settings(max_examples=25, deadline=None)
@given(st.lists(comparisons, max_size=4), st.data())
def test_a_pair_with_a_verdict_is_never_asked_again(lists, data):
    with TemporaryDirectory() as folder:
        path, table = Path(folder) / "log.jsonl", Table(paid=True)
        for asked in lists:
            shown = [swapped(c) if data.draw(st.booleans()) else c for c in asked]
            kept = Kept(table, path) if data.draw(st.booleans()) else Kept(Table(paid=True), path)
            handed = {}
            answers = kept.ask(shown, handed.__setitem__)
            assert answers == Table().ask(shown)
            assert answers == [handed[n] for n in range(len(shown))]
        answered = [(e["annotator"], e["pair_id"]) for e in lines(path) if "verdict" in e]
        assert len(answered) == len(set(answered))


def test_the_log_alone_answers_again_whichever_is_called_a(tmp_path):
    path, table = tmp_path / "deep" / "log.jsonl", Table(paid=True)
    kept = Kept(table, path)
    assert (kept.name, kept.paid) == ("table", True)
    first = kept.ask(PAIRS)
    assert table.asked == [c.pair for c in PAIRS]
    unanswered = [c.pair for c, a in zip(PAIRS, first, strict=True) if a.verdict is None]
    other = Table(seed=1, paid=True)
    again = Kept(other, path).ask([swapped(c) for c in PAIRS])
    assert other.asked == unanswered
    known = [n for n, answer in enumerate(first) if answer.verdict is not None]
    assert [again[n].verdict for n in known] == [turned(first[n].verdict) for n in known]
    assert {(again[n].calls, again[n].tokens) for n in known} == {(2, 30)}
    assert len(lines(path)) == len(PAIRS) + len(unanswered)
    renamed = Table(name="another", paid=True)
    assert verdicts(Kept(renamed, path), PAIRS) == [a.verdict for a in first]
    assert len(renamed.asked) == len(PAIRS)


def test_a_line_names_pair_judge_and_cost_and_stores_no_text(tmp_path):
    path = tmp_path / "log.jsonl"
    odd = Comparison("Grüße\n", "one \u2028 line", 'a "quoted" \\ one')
    answers = Kept(Table(paid=True), path).ask([odd, *PAIRS, Comparison("p", "x", "x")])
    assert len(lines(path)) == len(PAIRS) + 1  # two equal texts are no pair
    for comparison, answer, entry in zip([odd, *PAIRS], answers, lines(path), strict=False):
        a, b = entry["completion_a"], entry["completion_b"]
        assert (entry["pair_id"], entry["prompt_id"]) == (comparison.pair, comparison.prompt_id)
        assert [a, b] == sorted(comparison.ids)
        best = {"a": a, "b": b}.get(entry.get("verdict"))
        assert (best is None) == (answer.verdict in (None, TIE))
        assert best in (None, (*comparison.ids, None)[answer.verdict or 0])
        assert (entry["calls"], entry["tokens"]) == (2, 30)
        assert (entry["annotator"], entry["source"]) == ("table", "judge:table")
        assert ("reason" in entry) == (answer.verdict is None)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", entry["timestamp"])
    assert "Grü" not in path.read_text()


def test_the_first_of_two_verdicts_stands(tmp_path):
    path = tmp_path / "log.jsonl"

    class Overtaken(Table):
        def ask(self, comparisons, keep=None):
            Kept(Table(paid=True), path).ask(comparisons)  # another process, meanwhile
            return super().ask(comparisons, keep)

    slow = Kept(Overtaken(seed=1, paid=True), path)
    first, own = verdicts(Table(), PAIRS), verdicts(Table(seed=1), PAIRS)
    came = verdicts(slow, PAIRS)
    assert came == [own[n] if first[n] is None else first[n] for n in range(len(PAIRS))]
    later = verdicts(Kept(Table(seed=2, paid=True), path), PAIRS)
    assert all(one in (None, other) for one, other in zip(came, later, strict=True))


FORMER = {
    "pair_id": PAIRS[0].pair, "oracle": "table", "prompt": PAIRS[0].prompt, "completion_a": PAIRS[0].ordered[0],
    "completion_b": PAIRS[0].ordered[1], "verdict": "a", "reason": None, "calls": 1, "tokens": 2,
    "timestamp": "2026-01-01T00:00:00Z",
}  # fmt: skip
TURNED = {"completion_a": FORMER["completion_b"], "completion_b": FORMER["completion_a"]}


def test_answers_of_the_former_log_are_not_paid_for_again(tmp_path):
    """Active DPO logged its answers with their texts; such lines may stand before lines of the one schema."""
    path = tmp_path / "verdicts.jsonl"
    lower, higher = PAIRS[2].ordered
    former = [
        FORMER,
        FORMER | {"oracle": "another", "verdict": "b"},
        FORMER | {"prompt": PAIRS[1].prompt, "pair_id": PAIRS[1].pair, "completion_a": PAIRS[1].ordered[0],
                  "completion_b": PAIRS[1].ordered[1], "verdict": None, "reason": "garbled"},
        FORMER | {"prompt": PAIRS[2].prompt, "pair_id": PAIRS[2].pair, "completion_a": lower,
                  "completion_b": higher, "verdict": "tie", "reason": "a tie in one order only"},
        FORMER | {"pair_id": "x", "completion_a": "same", "completion_b": "same", "verdict": "tie"},
    ]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in former))
    before, table = path.read_bytes(), Table(paid=True)
    for shown in (PAIRS[0], swapped(PAIRS[0])):
        (answer,) = Kept(table, path).ask([shown])
        assert (shown.a, shown.b)[answer.verdict] == PAIRS[0].ordered[0]
        assert (answer.calls, answer.tokens) == (1, 2)
    assert Kept(table, path).ask([PAIRS[2]])[0].reason == "a tie in one order only"
    assert table.asked == []
    Kept(table, path).ask(PAIRS[:4])
    assert table.asked == [PAIRS[1].pair, PAIRS[3].pair]
    assert path.read_bytes().startswith(before)
    Kept(table, path).ask([PAIRS[3]])
    assert len(table.asked) == 2


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{", "row 2, field '(line)': got '{', expected a JSON object"),
        (b"\xff", "row 2, field '(line)'"),
        ("[]", "row 2, field '(line)': got [], expected a JSON object"),
        ({"verdict": "both"}, "row 2, field 'verdict': got 'both', expected 'a', 'b' or 'tie'"),
        ({"verdict": 0}, "row 2, field 'verdict': got 0, expected"),
        ({"calls": -1}, "row 2, field 'calls': got -1, expected greater than or equal to 0"),
        ({"tokens": "many"}, "row 2, field 'tokens': got 'many', expected a valid integer"),
        ({"tokens": ...}, "row 2, field 'tokens': missing, expected in every label"),
        ({"extra": 1}, "row 2, field 'extra': got 1, expected"),
        ({"oracle": ""}, "row 2, field 'oracle': got ''"),
        ({"prompt": "another"}, "row 2, field 'pair_id': got '"),
        (TURNED, "row 2, field 'completion_a': got '"),
    ],
)
def test_a_malformed_line_is_named_and_nothing_is_asked(tmp_path, line, expected):
    path = tmp_path / "log.jsonl"
    if isinstance(line, dict):
        line = json.dumps({k: v for k, v in (FORMER | line).items() if v is not ...})
    data = line if isinstance(line, bytes) else line.encode()
    path.write_bytes(json.dumps(FORMER).encode() + b"\n" + data + b"\n" + json.dumps(FORMER).encode() + b"\n")
    before, table = path.read_bytes(), Table(paid=True)
    with pytest.raises(DataError, match=re.escape(f"{path}, ") + ".*" + re.escape(expected)):
        Kept(table, path).ask(PAIRS)
    assert path.read_bytes() == before
    assert table.asked == []


def test_half_a_line_at_the_end_is_set_aside_and_asked_again(tmp_path, caplog):
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps(FORMER) + "\n" + json.dumps(FORMER)[:50])
    table = Table(paid=True)
    Kept(table, path).ask(PAIRS[:2])
    assert table.asked == [PAIRS[1].pair]
    assert "never finished" in caplog.text
    assert (tmp_path / "log.jsonl.torn-1").read_text() == json.dumps(FORMER)[:50]


def test_a_log_edited_between_is_read_afresh(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text("\n" + json.dumps(FORMER))  # an editor's: a blank line, and no line end
    table = Table(paid=True)
    kept = Kept(table, path)
    kept.ask(PAIRS[:2])
    assert table.asked == [PAIRS[1].pair]
    assert len(path.read_text().splitlines()) == 3
    path.write_text("")
    kept.ask(PAIRS[:1])
    assert table.asked == [PAIRS[1].pair, PAIRS[0].pair]


ASK = """
import json, sys, time
from pathlib import Path
from prefloop.judges.kept import Kept
from tests.judges.helpers import PAIRS, Table
path, seed, wait = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
class Slow(Table):
    def ask(self, comparisons, keep=None):
        answers = []
        for position, comparison in enumerate(comparisons):
            time.sleep(wait)
            answers += super().ask([comparison], lambda _, answer: keep(position, answer))
        return answers
print(json.dumps([a.verdict for a in Kept(Slow(seed=seed, paid=True), path).ask(PAIRS)]))
"""


def asking(path, seed, wait):
    command = [sys.executable, "-c", ASK, str(path), str(seed), str(wait)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)


def test_a_kill_loses_at_most_what_was_on_its_way(tmp_path):
    path = tmp_path / "log.jsonl"
    for wanted in (5, 12, 30):
        process = asking(path, 0, 0.005)
        while not path.exists() or len(path.read_bytes().splitlines()) < wanted:
            assert process.poll() is None
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    table, expected = Table(paid=True), verdicts(Table(), PAIRS)
    known = [entry["pair_id"] for entry in lines(path) if "verdict" in entry]
    assert len(known) == len(set(known)) >= 20
    assert verdicts(Kept(table, path), PAIRS) == expected
    assert table.asked == [c.pair for c in PAIRS if c.pair not in known]


def test_processes_at_once_agree(tmp_path):
    path = tmp_path / "log.jsonl"
    started = [asking(path, seed, 0.002) for seed in range(3)]
    came = [json.loads(process.communicate()[0]) for process in started]
    standing = {}
    for entry in lines(path):
        if "verdict" in entry:
            standing.setdefault(entry["pair_id"], entry["verdict"])
    for one in came:
        for comparison, verdict in zip(PAIRS, one, strict=True):
            if verdict is not None:
                assert comparison.turned(verdict) == ("a", "b", "tie").index(standing[comparison.pair])
