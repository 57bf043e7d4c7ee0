"""Annotators, their tokens, and the file that keeps digests alone."""

from __future__ import annotations

import stat

import pytest

from prefloop.desk.people import People, add_person, new_token, parse_given, read_people, remove_person
from prefloop.errors import ConfigError, StateError


def test_a_token_opens_for_its_person_until_it_is_taken_back(tmp_path):
    path = tmp_path / "state" / "annotators.json"
    people = People(path)
    tokens = {name: add_person(path, name, role) for name, role in (("ann", "annotator"), ("lea", "admin"))}
    assert {name: people.who(token).name for name, token in tokens.items()} == {"ann": "ann", "lea": "lea"}
    assert [person.is_admin for person in people.everybody()] == [False, True]
    for forged in ("", tokens["ann"][:-1], tokens["ann"] + "x", new_token(), "\ud800"):
        assert people.who(forged) is None
    remove_person(path, "ann")
    assert people.who(tokens["ann"]) is None
    assert people.who(tokens["lea"]).name == "lea"


def test_no_token_is_kept_and_nobody_else_reads_the_file(tmp_path):
    path = tmp_path / "annotators.json"
    token = add_person(path, "Zoë", "annotator")
    assert token not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    add_person(path, "bob", "annotator")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [person.name for person in read_people(path)] == ["Zoë", "bob"]


@pytest.mark.parametrize(
    "name", ["", " ", "a ", "a\nb", "x" * 81, "oracle", "Data", "data-2", "\x1b[31m", "\u202ea"]
)
def test_names_that_cannot_stand_in_the_log_are_refused(tmp_path, name):
    with pytest.raises(ConfigError, match="annotator"):
        add_person(tmp_path / "people", name, "annotator")
    with pytest.raises(ConfigError):
        parse_given(f"{name}:{new_token()}")


@pytest.mark.parametrize("given", ["ann", "ann:", "ann:short", "ann:" + "x" * 21, "ann:" + "x" * 21 + "é"])
def test_tokens_that_can_be_guessed_are_refused_and_not_shown(given):
    with pytest.raises(ConfigError) as refused:
        parse_given(given)
    assert "x" * 21 not in str(refused.value)


def test_a_name_is_one_persons(tmp_path):
    path = tmp_path / "people"
    add_person(path, "ann", "annotator")
    with pytest.raises(ConfigError, match="there is one of this name"):
        add_person(path, "ann", "admin")
    with pytest.raises(ConfigError, match="two have this name"):
        People(path, [parse_given(f"ann:{new_token()}")])
    with pytest.raises(ConfigError, match="nobody has this name"):
        remove_person(path, "bob")


def test_who_is_made_later_with_a_name_that_was_given_may_not_answer(tmp_path):
    path, token = tmp_path / "people", new_token()
    people = People(path, [parse_given(f"ann:{token}")])
    later = {name: add_person(path, name, "admin") for name in ("ann", "bob")}
    assert people.who(later["ann"]) is None
    assert (people.who(token).role, people.who(later["bob"]).name) == ("annotator", "bob")
    assert [person.name for person in people.everybody()] == ["ann", "bob"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"annotators": [{}]}', '{"annotators": 1}'])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "people").write_text(content)
    with pytest.raises(StateError, match="people is damaged"):
        People(tmp_path / "people")
