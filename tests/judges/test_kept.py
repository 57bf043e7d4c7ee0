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
from prefloop.io.documents import read_jsonl
from prefloop.judges.kept import Kept
from prefloop.judges.types import Comparison
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
        answered = [(e["oracle"], e["pair_id"]) for e in lines(path) if e["verdict"] is not None]
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


def test_a_line_can_be_understood_alone(tmp_path):
    path = tmp_path / "log.jsonl"
    odd = Comparison("Grüße\n", "one \u2028 line", 'a "quoted" \\ one')
    answers = Kept(Table(paid=True), path).ask([odd, *PAIRS])
    for comparison, answer, entry in zip([odd, *PAIRS], answers, lines(path), strict=True):
        a, b = entry["completion_a"], entry["completion_b"]
        assert (entry["prompt"], {a, b}) == (comparison.prompt, {comparison.a, comparison.b})
        assert Comparison(entry["prompt"], a, b).a_is_lower
        best = {"a": a, "b": b, "tie": None}.get(entry["verdict"])
        assert (best is None) == (answer.verdict in (None, TIE))
        assert best in (None, (comparison.a, comparison.b, None)[answer.verdict or 0])
        assert (entry["calls"], entry["tokens"], entry["oracle"]) == (2, 30, "table")
        assert (entry["reason"] is None) == (answer.verdict is not None)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", entry["timestamp"])


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


GOOD = {
    "pair_id": PAIRS[0].pair, "oracle": "table", "prompt": PAIRS[0].prompt, "completion_a": PAIRS[0].ordered[0],
    "completion_b": PAIRS[0].ordered[1], "verdict": "a", "reason": None, "calls": 1, "tokens": 2, "timestamp": "t",
}  # fmt: skip
TURNED = {"completion_a": GOOD["completion_b"], "completion_b": GOOD["completion_a"]}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{", "row 2, field '(line)': got '{', expected a JSON object in UTF-8"),
        (b"\xff", "row 2, field '(line)'"),
        ("[]", "row 2, field 'pair_id': got [], expected"),
        ({"verdict": "both"}, "row 2, field 'verdict': got 'both', expected 'a', 'b' or 'tie'"),
        ({"verdict": 0}, "row 2, field 'verdict': got 0, expected"),
        ({"calls": -1}, "row 2, field 'calls': got -1, expected greater than or equal to 0"),
        ({"tokens": "many"}, "row 2, field 'tokens': got 'many', expected a valid integer"),
        ({"tokens": ...}, "row 2, field 'tokens': got 'nothing (the row has no such field)'"),
        ({"extra": 1}, "row 2, field 'extra': got 1, expected"),
        ({"oracle": ""}, "row 2, field 'oracle': got ''"),
        ({"prompt": "another"}, "row 2, field 'pair_id': got {"),
        (TURNED, "expected the pair_id of this prompt and these completions, the one of the lower id as a"),
    ],
)
def test_a_malformed_line_is_named(tmp_path, line, expected):
    path = tmp_path / "log.jsonl"
    if isinstance(line, dict):
        line = json.dumps({k: v for k, v in (GOOD | line).items() if v is not ...})
    data = line if isinstance(line, bytes) else line.encode()
    path.write_bytes(json.dumps(GOOD).encode() + b"\n" + data + b"\n" + json.dumps(GOOD).encode() + b"\n")
    before = path.read_bytes()
    with pytest.raises(DataError, match=re.escape(f"{path}, ") + ".*" + re.escape(expected)):
        Kept(Table(paid=True), path).ask(PAIRS)
    assert path.read_bytes() == before


def test_half_a_line_at_the_end_is_left_for_a_person(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps(GOOD) + "\n" + json.dumps(GOOD)[:50])
    table = Table(paid=True)
    with pytest.raises(DataError, match="row 2"):
        Kept(table, path).ask(PAIRS)
    assert table.asked == []


def test_a_log_edited_between_is_read_afresh(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text("\n" + json.dumps(GOOD))  # an editor's: a blank line, and no line end
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
    known = [entry["pair_id"] for entry in lines(path) if entry["verdict"] is not None]
    assert len(known) == len(set(known)) >= 20
    assert verdicts(Kept(table, path), PAIRS) == expected
    assert table.asked == [c.pair for c in PAIRS if c.pair not in known]


def test_processes_at_once_agree(tmp_path):
    path = tmp_path / "log.jsonl"
    started = [asking(path, seed, 0.002) for seed in range(3)]
    came = [json.loads(process.communicate()[0]) for process in started]
    standing = {}
    for entry in lines(path):
        if entry["verdict"] is not None:
            standing.setdefault(entry["pair_id"], entry["verdict"])
    for one in came:
        for comparison, verdict in zip(PAIRS, one, strict=True):
            if verdict is not None:
                assert comparison.turned(verdict) == ("a", "b", "tie").index(standing[comparison.pair])
