"""`prefloop campaign run`: what is refused before a round, and the address of whoever is made."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
import yaml

from cli.campaign import _announce
from prefloop.desk.people import People, digest_of
from prefloop.io.address import listening
from prefloop.io.layout import Layout
from tests.worlds import make_params


@pytest.fixture
def run(prefloop):
    """`prefloop campaign run` in a folder whose first round is to be made, and cannot: DVC is not set up."""
    Path("params.yaml").write_text(yaml.safe_dump(make_params().model_dump(mode="json")))
    before = signal.getsignal(signal.SIGTERM)
    yield lambda *options: prefloop("campaign", "run", *options)
    signal.signal(signal.SIGTERM, before)


def test_what_cannot_be_served_is_said_before_a_round_and_nobody_is_made(run):
    with listening("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        for options, code, says in (
            (("--port", port), 1, "another program listens there"),
            (("--origin", "labels"), 2, "--origin labels: expected scheme and host"),
            (("--host", "0.0.0.0", "--port", 0), 2, "nobody may label yet"),
        ):
            outcome = run(*options)
            assert (outcome.code, outcome.out) == (code, "")
            assert says in outcome.err
            assert "making a round" not in outcome.err
    assert not Layout.repository().people.exists()


def test_nobody_is_served_by_the_page_alone(prefloop):
    Path("params.yaml").write_text(yaml.safe_dump(make_params().model_dump(mode="json")))
    outcome = prefloop("labels", "serve")
    assert outcome.code == 2
    assert "nobody may label yet" in outcome.err


def test_a_first_round_that_fails_leaves_nobody_with_a_token_that_was_never_shown(run):
    outcome = run("--port", 0)
    assert outcome.code == 1
    assert "making a round before the page is served" in outcome.err
    assert not Layout.repository().people.exists()


def test_whoever_is_made_is_told_the_token(tmp_path, capsys):
    layout = Layout.folder(tmp_path)
    people = People(layout.people)
    _announce("http://127.0.0.1:1", layout, people, open_=False)
    told = capsys.readouterr()
    (token,) = re.findall(r"^labelling page: http://127\.0\.0\.1:1/login#token=(\S+)$", told.out, re.MULTILINE)
    assert [(one.role, one.digest) for one in people.everybody()] == [("admin", digest_of(token))]
    assert f"labels as {people.everybody()[0].name};" in told.err
    _announce("http://127.0.0.1:1", layout, people, open_=False)
    assert capsys.readouterr() == ("labelling page: http://127.0.0.1:1\n", "")


def test_nobody_is_made_whose_token_cannot_be_told(tmp_path, monkeypatch):
    def closed(*_, **__):
        raise BrokenPipeError

    layout = Layout.folder(tmp_path)
    people = People(layout.people)
    monkeypatch.setattr("typer.echo", closed)
    with pytest.raises(BrokenPipeError):
        _announce("http://127.0.0.1:1", layout, people, open_=False)
    assert not people.everybody()
