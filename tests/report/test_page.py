"""Names of the user's in pages and tables: they are text there, whatever they hold."""

from __future__ import annotations

import dataclasses
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cli._common import print_table
from prefloop.report.choices_page import choices_page
from prefloop.report.document import document
from prefloop.report.page import named, table
from prefloop.report.results import read_savings
from prefloop.report.terminal import terminal_table
from prefloop.report.write import write_report
from tests.report.conftest import CONFIG, FACTS

HOSTILE = "x\x1b[31m<img src=y onerror=z>\u202egpj.|a`b`[c](http://d)\r\n# e"
HARMFUL = ("\x1b", "<img", "\u202e", "\r")


def is_harmless(text: str) -> bool:
    return not any(harmful in text for harmful in HARMFUL)


def test_a_hostile_data_set_is_text_in_the_report_and_the_terminal(runs, scores, judged, tmp_path):
    write_report(tmp_path / "r", runs, scores, judged, CONFIG, dataclasses.replace(FACTS, dataset=HOSTILE))
    page = (tmp_path / "r" / "report.md").read_text()
    assert is_harmless(page)
    assert "[c](http" not in page
    assert "\n# e" not in page
    stdout = io.StringIO()
    Console(file=stdout, width=200).print(terminal_table(read_savings(tmp_path / "r" / "savings.json")))
    assert is_harmless(stdout.getvalue())
    assert "\\x1b[31m" in stdout.getvalue()


def test_a_hostile_model_is_one_cell_of_the_report(runs, scores, judged, tmp_path):
    write_report(tmp_path / "r", runs, scores, judged, CONFIG, FACTS)
    savings = read_savings(tmp_path / "r" / "savings.json")
    policy, of = next((name, of) for name, of in savings.choices.items() if of.chosen)
    share = of.chosen[0].model_copy(update={"model": HOSTILE})
    choices = savings.choices | {policy: of.model_copy(update={"chosen": [share]})}
    changed = savings.model_copy(update={"choices": choices})
    page = choices_page(changed, set())
    assert is_harmless(page)
    assert named(HOSTILE) in page
    assert named(HOSTILE) in document(changed, [])
    rows = [line for line in page.splitlines() if named(HOSTILE) in line]
    assert [line.replace("\\\\", "").replace("\\|", "").count("|") for line in rows] == [4]


def test_a_hostile_file_is_text_in_a_table_of_the_terminal(capsys):
    print_table(HOSTILE, [HOSTILE.replace("\r\n", "")], [[HOSTILE], ["[bold]plain[/bold]"]])
    out = capsys.readouterr().out
    assert is_harmless(out)
    assert "[bold]plain[/bold]" in out


@given(st.text())
def test_a_name_leaves_a_table_its_shape(name):
    lines = table(["a", "b"], [[named(name), "1"]]).split("\n")
    assert len(lines) == 4
    assert lines[2].replace("\\\\", "").replace("\\|", "").count("|") == 3


@pytest.mark.parametrize("name", ["half-labelled", "HH RLHF (2022).jsonl", "Größe_最終版", "org/model_7b"])
def test_a_usual_name_stays_as_it_is(name):
    assert named(name) == name
