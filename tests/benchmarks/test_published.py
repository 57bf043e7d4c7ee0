"""The documents' tables are those of the stored numbers, and numbers come from a real comparison."""

from __future__ import annotations

import argparse
import json
import random

import pytest

from benchmarks.published import COMPARISONS, Comparison, measure, numbers
from benchmarks.published_tables import DOCUMENTS, RESULTS, TABLES, blocks, fill, render
from prefloop.io.layout import Layout


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_documents_tables_are_those_of_the_stored_numbers(document):
    text = document.read_text()
    assert blocks(text), "a document without a table need not be in the list"
    assert fill(text) == text, "run python -m benchmarks.published --tables"


def test_every_stored_result_is_shown_and_can_be_measured_again():
    shown = {
        name.strip() for path in DOCUMENTS for _, names in blocks(path.read_text()) for name in names.split(",")
    }
    stored = {path.stem for path in RESULTS.glob("*.json")}
    assert shown == stored
    assert stored <= set(COMPARISONS)


def test_a_changed_number_is_seen():
    text = DOCUMENTS[0].read_text()
    row = next(line for line in text.splitlines() if line.startswith("| ethics"))
    assert fill(text.replace(row, row.replace("0", "1", 1))) == text


def write_pairs(path):
    """Longer answers win; one prompt has a third of the pairs."""
    rng = random.Random(0)
    rows = []
    for number in range(120):
        prompt = f"question {0 if number % 3 == 0 else number}"
        a, b = (" ".join(["good"] * rng.randint(1, 9) + [f"answer {number} {side}"]) for side in "ab")
        rows.append(
            {"prompt": prompt, "completion_a": a, "completion_b": b, "label": "a" if len(a) > len(b) else "b"}
        )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_responses(path):
    rng = random.Random(0)
    rows = []
    for number in range(30):
        texts = [" ".join(["good"] * rng.randint(1, 9) + [f"answer {number} {k}"]) for k in range(4)]
        rows.append(
            {"prompt": f"question {number}", "completions": texts, "scores": [len(text) for text in texts]}
        )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.parametrize(
    ("write", "policy", "tables"),
    [(write_pairs, "bal_pm", ["summary", "policies", "views"]), (write_responses, "drts_bal_pm", ["choices"])],
)
def test_numbers_of_a_comparison_fill_every_table(tmp_path, monkeypatch, write, policy, tables):
    write(tmp_path / "pairs.jsonl")
    comparison = Comparison("pairs.jsonl", (policy,), 12, 8, 2, per_prompt="unlimited")
    arguments = argparse.Namespace(data=tmp_path, out=tmp_path / "out", seeds=2, jobs=1)
    savings = measure("ethics", comparison, arguments)
    record = numbers(savings, Layout.folder(tmp_path / "out" / "ethics"))
    assert json.loads(json.dumps(record)) == record
    assert record["policies"][policy]["final"]["value"] == pytest.approx(
        savings.policies[policy].final["test"]["log_likelihood"].value, abs=1e-5
    )
    monkeypatch.setattr("benchmarks.published_tables.RESULTS", tmp_path)
    (tmp_path / "ethics.json").write_text(json.dumps(record))
    for table in tables:
        lines = render(table, ["ethics"]).splitlines()
        assert len({line.count("|") for line in lines}) == 1
        assert len(lines) == 2 + (1 if table == "summary" else len(record["policies"]) - (table == "views"))
    assert set(tables) <= set(TABLES)
