"""Every command explains itself, and quickly."""

import subprocess
import sys

import click
import pytest
import typer

from cli.main import app
from tests.worlds import ROOT


def commands(group, path=()):
    for name, command in group.commands.items():
        if command.hidden:
            continue
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        yield (*path, name), command


COMMANDS = dict(commands(typer.main.get_command(app)))
LEAVES = [path for path, command in COMMANDS.items() if not hasattr(command, "commands")]


def test_these_are_the_commands():
    assert {" ".join(path) for path in LEAVES} == {
        "policies", "params", "bench", "status", "report", "export", "rewardbench", "track", "ui", "doctor",
        "data check", "labels oracle", "labels import", "labels serve",
        "labels annotator add", "labels annotator list", "labels annotator remove",
        "dpo run", "dpo report", "state list", "state prune",
    }  # fmt: skip


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_works(prefloop, path):
    outcome = prefloop(*path, "--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert "Usage:" in outcome.out


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_a_command_has_an_example_and_every_option_a_meaning(prefloop, path):
    shown = " ".join(prefloop(*path, "--help").out.split())
    assert f"Example: prefloop {' '.join(path)}" in shown or f"prefloop {' '.join(path)} &&" in shown
    options = [p for p in COMMANDS[path].params if isinstance(p, click.Option) or hasattr(p, "opts")]
    assert all(getattr(p, "help", None) for p in options if p.name != "help")


def test_the_table_of_exit_codes_is_in_the_help(prefloop):
    shown = " ".join(prefloop("--help").out.split())
    for entry in ("0 done", "1 failed", "2 wrong usage", "3 labels missing", "4 nothing left to label"):
        assert entry in shown


def test_help_loads_nothing_heavy():
    code = (
        "import sys, cli.main\n"
        "heavy = {'torch', 'transformers', 'mlflow', 'datasets', 'pyarrow', 'numpy', 'scipy', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["bench"], ["bench", "--data"], ["policies", "--jsn"], ["labels", "oracle", "--limit", "0"]],
)
def test_wrong_usage_is_exit_code_2(prefloop, arguments):
    outcome = prefloop(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert "Error" in outcome.err


FORMER = [
    (("report", "--folder", "x"), "--folder is --out (the folder that has report/) now"),
    (("dpo", "report", "--folder", "x"), "--folder is --out (the folder that has report/) now"),
    (("export", "--out", "x.jsonl", "--run", "r", "--budget", "3"), "--budget is --limit now"),
    (("export", "--out", "x.jsonl", "--run", "r", "--data", "d"), "--data is --prepared now"),
]


@pytest.mark.parametrize(("arguments", "message"), FORMER)
def test_an_option_under_its_former_name_is_understood_and_todays_is_said(prefloop, arguments, message):
    missing = prefloop(*arguments)
    assert (missing.code, missing.out) == (1, "")
    assert f"warning: {message}" in missing.err


def test_an_option_has_one_meaning_wherever_it_stands():
    """`--out` is where a comparison lies or what is written, `--limit` a number of labels, and so on."""
    names = {path: {name for p in COMMANDS[path].params if not p.hidden for name in p.opts} for path in LEAVES}
    used = set().union(*names.values())
    assert not used & {"--folder", "--budget", "--config", "--output", "--n", "--max"}
    assert {path for path in LEAVES if "--data" in names[path]} == {("bench",)}
    assert {path for path in LEAVES if "--limit" in names[path]} == {("export",), ("labels", "oracle")}
