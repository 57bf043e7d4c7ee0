from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.errors import ConfigError
from prefloop.judges.redaction import HIDDEN, Secret, read_key, shown
from tests.judges.modes import SECRET, leaked
from tests.judges.test_endpoint import config


def split(separator: str) -> str:
    """The key with something between its characters."""
    return separator.join(SECRET)


def _html(form: str) -> str:
    return "".join(form.format(ord(letter)) for letter in SECRET)


FORMS = {
    "as it is": SECRET,
    "in capitals": SECRET.upper(),
    "backwards": SECRET[::-1],
    "as in an address": quote(SECRET, safe=""),
    "every character as in an address": "".join(f"%{ord(letter):02x}" for letter in SECRET),
    "twice as in an address": quote(quote(SECRET, safe=""), safe=""),
    "in base64": base64.b64encode(SECRET.encode()).decode(),
    "in base64 after a word": base64.b64encode(f"Bearer {SECRET}".encode()).decode(),
    "in base64 of a document": base64.urlsafe_b64encode(json.dumps({"k": SECRET}).encode()).decode(),
    "in hexadecimal digits": SECRET.encode().hex(),
    "in JSON's numbers": "".join(f"\\u{ord(letter):04x}" for letter in SECRET),
    "in Python's numbers": "".join(f"\\x{ord(letter):02x}" for letter in SECRET),
    "in HTML's numbers": _html("&#{};"),
    "in HTML's other numbers": _html("&#x{:x};"),
    "in lines": split("\n"),
    "with escaped lines": split("\\n"),
    "with nothing between": split("\u200b"),
    "with marks of direction": split("\u202e"),
    "with dots": split(" . "),
    "in colours": split("\x1b[31m"),
    "in wide letters": "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in SECRET),
    "a part": SECRET[4:16],
}


KEY = Secret(SECRET)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("around", ["{}", "Incorrect key: {}.", "x{}x", "caf\u00e9 {} {}"])
def test_the_key_is_hidden_in_whatever_form(form, around):
    text = around.replace("{}", FORMS[form])
    came = shown(text, KEY)
    assert HIDDEN in came
    assert not leaked(came)
    assert came.startswith(around.split("{}")[0])
    assert came.endswith(around.split("{}")[-1])
    assert shown(came, KEY) == came


@pytest.mark.parametrize("limit", [20, 40, 80])
def test_the_key_is_not_cut_before_it_is_hidden(limit):
    for before in range(limit + 1):
        assert SECRET[:4] not in shown("." * before + SECRET, KEY, limit)


@pytest.mark.parametrize("key", ["k", "EMPTY", "a-1"])
def test_a_short_key_is_hidden_where_it_stands_alone(key):
    secret = Secret(key)
    assert shown(f"bad key: {key}!", secret) == f"bad key: {HIDDEN}!"
    assert shown(f"k{key}k", secret) == f"k{key}k"


def test_a_key_prints_as_no_key():
    assert SECRET not in f"{KEY} {KEY!r} {[KEY]}"


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=60), st.integers(1, 40))
def test_what_is_shown_is_one_short_printable_line(text, limit):
    came = shown(text, None, limit)
    assert came.isprintable()
    assert len(came) <= limit
    assert came == came.strip()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\r\nb\tc", "a b c"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("\x9b2Jgone", "gone"),
        ("a\u202eb\u2066c", "a b c"),
        ("a\ud800b", "a b"),
        ("\ufeffa\x00", "a"),
        ("x" * 99, "x" * 9 + "…"),
    ],
)
def test_nothing_steers_the_terminal(text, line):
    assert shown(text, None, 10) == line


@pytest.mark.parametrize("letter", ["\\", "%", "%25", " ", "\x1b]", "&#", "\ufdfa"])
def test_a_long_text_is_read_at_its_beginning_alone(letter):
    assert shown(letter * 10**6 + SECRET, KEY) == shown(letter * 10**5, KEY)


def test_a_key_is_read_without_white_space_around_it(monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", f" {SECRET}\n")
    assert read_key(config("http://x/v1")).value == SECRET
    assert read_key(config("http://x/v1", key_variable=None)) is None


@pytest.mark.parametrize("bad", ["\n", "\r\nX: y", "\t", "\x7f", "\u201c", "\u00e9", "\ufeff", "\u0410"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_shown(monkeypatch, bad):
    monkeypatch.setenv("JUDGE_KEY", f"sk-12345678{bad}90123456")
    with pytest.raises(
        ConfigError, match=r"JUDGE_KEY can't be sent: its character 12 of \d+ .*copy the key again"
    ) as caught:
        read_key(config("http://x/v1"))
    assert "123456" not in str(caught.value)
