"""`prefloop labels export` and `labels import FILE` in a repository whose first batch waits."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import yaml

from tests.cli.malformed import is_one_error


def fill(path: Path, word: str = "left", count: int = 100) -> int:
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows[:count]:
        row["verdict"] = word
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    return len(rows)


def test_out_and_in_and_a_new_batch(prefloop, repository):
    told = json.loads(prefloop("labels", "export", "--format", "csv", "--out", "x.csv", "--json").out)
    count = fill(Path("x.csv"), count=2)
    assert told == {"out": "x.csv", "format": "csv", "pairs": count, "files": ["x.csv"]}
    outcome = prefloop("labels", "import", "x.csv")
    assert outcome.code == 1
    is_one_error(outcome, "x.csv, row 1, field 'annotator': got None, expected who gave the verdict; or say it")
    dry = prefloop("labels", "import", "x.csv", "--annotator", "ann", "--dry-run")
    assert (dry.code, repository.labels.read_bytes()) == (0, b"")
    assert dry.out.startswith("x.csv: 2 labels would be appended (")
    outcome = prefloop("labels", "import", "x.csv", "--annotator", "ann")
    assert "0 known, 0 conflicting, 0 unknown" in outcome.out
    assert outcome.out.count("\n") == 3
    assert "cost: 0 USD, 0 hours of work; 2 of them do not say how long they took\n" in outcome.out
    assert f"skipped, empty: {count - 2} (row 3" in outcome.out
    before = repository.labels.read_bytes()
    told = json.loads(prefloop("labels", "import", "x.csv", "--annotator", "ann", "--json").out)
    assert (told["new"], told["known"], told["rows"]["known"]) == (0, 2, [1, 2])
    assert repository.labels.read_bytes() == before
    assert prefloop("labels", "export", "--format", "xlsx", "--out", "rest.xlsx").out == (
        f"rest.xlsx: {count - 2} comparisons\n"
    )


def test_a_budget_that_an_import_passes_is_a_warning(prefloop, repository):
    params = yaml.safe_load(Path("params.yaml").read_text())
    cost = {"per_label": 0.25, "currency": "EUR"}
    params["campaign"] |= {"cost": params["campaign"]["cost"] | cost}
    params["campaign"] |= {"budget": {"labels": 1, "money": 0.3, "hours": None}}
    Path("params.yaml").write_text(yaml.safe_dump(params))
    prefloop("labels", "export", "--format", "csv", "--out", "x.csv")
    fill(Path("x.csv"), count=2)
    arguments = ("labels", "import", "x.csv", "--annotator", "ann")
    would = prefloop(*arguments, "--dry-run")
    assert "the budget would be passed: 2 of 1 labels, 0.5 of 0.3 EUR; nobody is asked" in would.err
    outcome = prefloop(*arguments)
    assert (outcome.code, repository.labels.read_bytes().count(b"\n")) == (0, 2)
    assert "cost: 0.5 EUR, 0 hours of work" in outcome.out
    assert "the budget is passed" in outcome.err
    # Nothing is new: what was passed before is no news.
    again = prefloop(*arguments, "--json")
    told = json.loads(again.out)["cost"]
    assert (told["money"], told["currency"], "budget" in again.err) == (0, "EUR", False)
    assert told["passed"]["labels"] == {"spent": 2, "limit": 1}


def test_a_contradiction_is_shown_and_can_be_taken(prefloop, repository):
    prefloop("labels", "export", "--format", "csv", "--out", "x.csv")
    content = Path("x.csv").read_bytes()
    for word in ("left", "tie"):
        Path("x.csv").write_bytes(content)
        fill(Path("x.csv"), word, 1)
        outcome = prefloop("labels", "import", "x.csv", "--annotator", "ann")
    assert "0 labels appended (none); 0 known, 1 conflicting" in outcome.out
    assert "conflicting, row 1: ann says tie of " in outcome.out
    outcome = prefloop("labels", "import", "x.csv", "--annotator", "ann", "--replace")
    assert "1 labels appended (1 tie), 1 of them replace an earlier word" in outcome.out
    assert repository.labels.read_bytes().count(b"\n") == 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["import", "--annotator", "x"], 2, "are about a FILE: give one"),
        (["import", "none.csv"], 1, "none.csv is no file"),
        (["import", "params.yaml"], 1, "params.yaml"),
        (["import", "x.csv", "--annotator", " "], 2, "--annotator: got a blank name"),
        (
            ["export", "--format", "csv", "--out", "x.txt"],
            2,
            "--out: got x.txt, expected a file name that ends in .csv",
        ),
        (["export", "--format", "doc", "--out", "x.doc"], 2, "'doc' is not one of"),
    ],
)
def test_what_is_wrong_is_said(prefloop, repository, arguments, code, message):
    outcome = prefloop("labels", *arguments)
    assert outcome.code == code
    assert message in " ".join(outcome.err.split())
    assert "Traceback" not in outcome.err
