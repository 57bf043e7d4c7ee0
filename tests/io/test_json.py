"""JSON and JSONL."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefloop.errors import DataError, StateError
from prefloop.io.json import append_jsonl, end_last_line, read_json, read_jsonl, to_json, write_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
PRINTABLE = st.text(st.characters(exclude_categories=["Cs"]))
OBJECTS = st.lists(st.dictionaries(PRINTABLE, st.integers() | PRINTABLE, max_size=3), max_size=4)


@given(objects=OBJECTS, more=OBJECTS)
def test_what_is_appended_is_read(tmp_path_factory, objects, more):
    path = tmp_path_factory.mktemp("j") / "x.jsonl"
    append_jsonl(path, objects)
    append_jsonl(path, more)
    assert [value for _, value in read_jsonl(path)] == objects + more


@given(value=VALUES)
def test_json_sorts_and_round_trips(value):
    import json

    assert json.loads(to_json(value)) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_has_no_nan(tmp_path, value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"a": value})
    assert not list(tmp_path.iterdir())


def test_a_last_line_without_its_end_is_ended_first(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": 1}\n\n{"a": 2}')
    append_jsonl(path, [{"a": 3}])
    assert list(read_jsonl(path)) == [(1, {"a": 1}), (3, {"a": 2}), (4, {"a": 3})]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"a": 1', "row 2, field '(line)': got '{\"a\": 1', expected a JSON object"),
        (b"[1]", "row 2, field '(line)': got [1], expected a JSON object"),
        (b'{"a": "\xff"}', "row 2, field '(line)': got b'\\xff\"}', expected text in UTF-8"),
        (b"[" * 100_000, "expected a JSON object"),
        (b'{"a": 1, "a": 2}', "the key 'a' twice"),
        (b'{"a": "\\ud800"}', "text without lone surrogates"),
    ],
)
def test_a_broken_line_is_named(tmp_path, line, expected):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"a": 1}\n' + line + b"\n")
    with pytest.raises(DataError) as caught:
        list(read_jsonl(path))
    assert str(path) in str(caught.value)
    assert expected in str(caught.value)


def test_a_missing_log_is_named(tmp_path):
    with pytest.raises(StateError, match="x is missing: restore it"):
        list(read_jsonl(tmp_path / "x"))


@pytest.mark.parametrize("content", [b"", b'{"a": ', b"\xff\xfe"])
def test_a_damaged_document_is_named(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(StateError, match=r"x is damaged .*run its stage again"):
        read_json(tmp_path / "x")
    with pytest.raises(StateError, match="y is missing"):
        read_json(tmp_path / "y")


@given(
    whole=st.lists(st.integers(0, 99), max_size=3),
    cut=st.integers(1, 200_000),
    size=st.sampled_from([1, 70, 200_000]),
)
def test_half_a_last_line_is_set_aside_and_no_other_line_with_it(tmp_path_factory, whole, cut, size):
    path = tmp_path_factory.mktemp("j") / "log.jsonl"
    before = "".join(f'{{"n": {n}}}\n' for n in whole).encode()
    line = to_json({"text": "x" * size}).encode()
    torn = line[: min(cut, len(line) - 1)]
    path.write_bytes(before + torn)
    append_jsonl(path, [{"n": 100}])
    assert path.read_bytes() == before + b'{"n": 100}\n'
    assert path.with_name("log.jsonl.torn-1").read_bytes() == torn
    path.write_bytes(before + torn)
    assert end_last_line(path) == len(before) == path.stat().st_size
    assert path.with_name("log.jsonl.torn-2").read_bytes() == torn
    path.write_bytes(before + line)
    assert end_last_line(path) == len(before + line) + 1
    assert path.read_bytes() == before + line + b"\n"
    assert not path.with_name("log.jsonl.torn-3").exists()


def test_what_is_set_aside_is_said(tmp_path, caplog):
    (tmp_path / "log.jsonl").write_bytes(b'{"n": 1}\n{"n": ')
    end_last_line(tmp_path / "log.jsonl")
    assert "log.jsonl: its last line was never finished (6 bytes" in caplog.text
    assert "log.jsonl.torn-1, all other lines are kept" in caplog.text


def test_a_write_that_does_not_fit_is_taken_back(tmp_path):
    path = tmp_path / "log.jsonl"
    append_jsonl(path, [{"n": 1}])
    before = path.read_bytes()
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from prefloop.io.json import append_jsonl\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "append_jsonl(Path(sys.argv[1]), [{'text': 'x' * 500}])\n"
    )
    failed = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert "OSError" in failed.stderr
    assert path.read_bytes() == before
    append_jsonl(path, [{"n": 2}])
    assert [value for _, value in read_jsonl(path)] == [{"n": 1}, {"n": 2}]
