"""Broken and hostile services, over the whole way: a verdict, or a reason and a count, and no key anywhere."""

from __future__ import annotations

import json
import logging
import traceback
import tracemalloc

import pytest

from prefloop.errors import ModelError
from prefloop.judges import wire
from prefloop.judges.build import build_judge
from prefloop.labels.comparison import Comparison
from prefloop.labels.verdicts import TIE, A, B
from tests.judges.modes import LIMIT, MODES, SECRET, SIZES, Mode, leaked
from tests.judges.server import honest, serving
from tests.judges.test_endpoint import config

PAIRS = [Comparison("prompt 0", "left 3", "right 1"), Comparison("prompt 0", "left 1", "right 3")]


@pytest.fixture(autouse=True)
def _environment(monkeypatch, caplog):
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JUDGE_KEY", SECRET)
    monkeypatch.setattr(wire, "FIRST_PAUSE_S", 0.001)
    caplog.set_level(logging.DEBUG)


def ask(mode: Mode, log, pairs=PAIRS[:1], **changes):
    """What became of it: answers, or the error's message; everything that was written; what the server heard."""
    with serving(mode.says if callable(mode.says) else lambda *_: mode.says) as served:
        changes = {"timeout_s": mode.timeout_s, "max_reply_bytes": LIMIT, "parallel": 1} | changes
        judge = build_judge(config(served.url, **changes), log)
        written = f"{judge!r}{vars(judge)}{vars(judge._inner)}"
        try:
            came = judge.ask(pairs)
            written += str(came)
        except ModelError as error:
            came = str(error)
            written += "".join(traceback.format_exception(error)) + repr(
                (error, error.__cause__, error.__context__)
            )
    return came, written + (log.read_text() if log.exists() else ""), served


def check_safe(came, written, caplog, capfd):
    printed = "".join(capfd.readouterr())
    assert not leaked(written + caplog.text + printed)
    for text in [came] if isinstance(came, str) else [answer.reason for answer in came if answer.reason]:
        assert text.isprintable()
        assert len(text) <= 500


@pytest.mark.parametrize("name", MODES)
def test_a_mode(name, tmp_path, caplog, capfd):
    mode = MODES[name]
    came, written, served = ask(mode, tmp_path / "log.jsonl")
    check_safe(came, written, caplog, capfd)
    assert all(asked.path == "/v1/chat/completions" for asked in served.asked)
    if mode.stops:
        assert isinstance(came, str)
        assert mode.reason in came
        assert len(served.asked) == mode.calls
        return
    answer = came[0]
    if mode.reason is None:
        assert (answer.verdict, answer.reason, answer.calls, answer.tokens) == (A, None, 2, 24)
        return
    assert answer.verdict is None
    assert mode.reason in answer.reason
    assert answer.calls == mode.calls == len(served.asked)
    logged = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [(row.get("verdict"), row["calls"]) for row in logged] == [(None, mode.calls)]


def test_there_are_as_many_modes_as_were_ever_tried():
    assert len(MODES) >= 46


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """Modules and certificates are loaded, which is not a reply's memory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUDGE_KEY", SECRET)
        ask(SIZES["gzip in good order"], tmp_path_factory.mktemp("warm") / "log.jsonl")


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("name", [name for name, mode in SIZES.items() if mode.calls == 2])
def test_memory_is_bounded(name, tmp_path):
    tracemalloc.start()
    try:
        came = ask(SIZES[name], tmp_path / "log.jsonl")[0]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert came[0].verdict is None
    assert peak < 6_000_000


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nothing_is_sent_where_a_redirect_points(status, tmp_path):
    with serving(lambda *_: pytest.fail("asked")) as elsewhere:
        mode = Mode((status, b"", {"Location": f"{elsewhere.url}/chat/completions"}), None)
        came, _, served = ask(mode, tmp_path / "log.jsonl")
    assert elsewhere.asked == []
    assert len(served.asked) == 1
    assert f"points to '{elsewhere.url}/chat/completions'; no redirect is followed" in (
        came if isinstance(came, str) else came[0].reason
    )


def test_no_reply_is_taken_for_that_to_the_next_request(tmp_path):
    pairs = [Comparison(f"prompt {n}", f"left {n % 3}", f"right {n % 2}") for n in range(6)]
    came = ask(MODES["protocol: two replies to one request"], tmp_path / "log.jsonl", pairs)[0]
    assert [a.verdict for a in came] == [TIE if n % 3 == n % 2 else A if n % 3 > n % 2 else B for n in range(6)]


def test_a_broken_reply_changes_no_other_verdict(tmp_path):
    bad = iter(MODES[name].says for name in ("size: a gzip bomb", "schema: no JSON", "protocol: nothing"))
    mode = Mode(lambda asked, n: honest(asked, n) if "left 3" in str(asked.body) else next(bad), None)
    pairs = [PAIRS[0], *(Comparison("p", f"x {n}", "y 9") for n in range(3)), Comparison("q", "left 3", "left 4")]
    came = ask(mode, tmp_path / "log.jsonl", pairs, retries=0)[0]
    assert [answer.verdict for answer in came] == [A, None, None, None, B]
