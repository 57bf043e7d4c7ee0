"""Votes, soft labels and provenance of exported pairs, and the data card; TRL trains on the file all the same."""

from __future__ import annotations

import json
from collections import Counter

import pyarrow as pa
import pytest
from datasets import load_dataset
from huggingface_hub import DatasetCard
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop import __version__
from prefloop.campaign.issued import ISSUED
from prefloop.data.prepared import load_prepared
from prefloop.desk.budget import Budget
from prefloop.exchange.acquired import acquired_by_labels
from prefloop.exchange.card import MARK, Facts, card_path, write_card
from prefloop.exchange.dataset import write_preferences
from prefloop.exchange.details import DETAILS, Details
from prefloop.exchange.form import Form
from prefloop.exchange.people import pseudonyms
from prefloop.io.arrays import read_table
from prefloop.labels.aggregate import aggregate, standing_votes
from prefloop.labels.agreement import agreement
from prefloop.labels.label import Label
from prefloop.labels.lines import table_of
from prefloop.labels.log import LabelLog
from prefloop.labels.table import current_labels
from tests.exchange.test_trl import model, trainer  # noqa: F401
from tests.labels.helpers import label
from tests.worlds import make_params

SAID = [
    {"x": "a", "y": "a", "z": "b"},
    {"x": "tie", "y": "b"},
    {"x": "a", "y": "b"},
    {"x": "both_bad"},
    {"x": "skip"},
    {"x": "b"},
]


@pytest.fixture
def log(named, acquired, tmp_path):
    """A campaign's log on pairs of the world, and what was issued."""
    rows = read_table(acquired / "acquired.parquet").to_pylist()[: len(SAID)]
    names = ("pair_id", "prompt_id", "completion_a", "completion_b")
    given = [
        Label(
            **{name: row[name] for name in names}, annotator=who, verdict=word, timestamp="2026-01-01T00:00:00Z",
            round=place, source="human", duration_ms=1000, cost=0.5, reasons=("clear",), rubric_version="g1",
            criteria={"style": "b", "truth": "tie"} if who == "x" else {"style": "a"},
        )
        for place, (row, said) in enumerate(zip(rows, SAID, strict=True))
        for who, word in said.items()
    ]  # fmt: skip
    LabelLog(tmp_path / "labels.jsonl").append(given)
    issued = [
        {name: row[name] for name in names}
        | {"round": place + 3, "kind": ("audit", "policy")[place % 2], "policy": (None, "thinned")[place % 2]}
        for place, row in enumerate(rows)
    ]
    issued.append(issued[1] | {"kind": "relabel", "policy": None, "round": 9})
    return tmp_path / "labels.jsonl", pa.Table.from_pylist(issued, ISSUED), rows


def campaign(named, log, name=None):
    path, issued, _ = log
    labels = current_labels(path, path.with_suffix(".parquet"))
    lines = LabelLog(path).read_on().lines
    details = Details(labels.pairs, lines, issued, name)
    return acquired_by_labels(labels, load_prepared(named.prepared), details), lines


def export(named, log, out, *, name=None, ties=False, form=Form.trl):
    return write_preferences(campaign(named, log, name)[0], named.prepared, out, form, with_ties=ties)


def test_counts_margins_and_provenance(named, log, tmp_path):
    counts = export(named, log, tmp_path / "x.parquet", name=str)
    rows = read_table(tmp_path / "x.parquet").to_pylist()
    pairs = log[2]
    assert (counts["rows"], counts["undecided"]) == (3, 3)
    first, second, last = rows
    assert [row["pair_id"] for row in rows] == [pairs[place]["pair_id"] for place in (0, 1, 5)]
    assert (first["n_votes"], first["votes_chosen"], first["votes_rejected"]) == (3, 2, 1)
    assert first["vote_margin"] == pytest.approx(1 / 3)
    assert (second["votes_chosen"], second["votes_tie"], second["vote_margin"]) == (1, 1, 0.5)
    assert [row["audit"] for row in rows] == [True, False, False]
    assert [(row["round"], row["policy"]) for row in rows] == [(3, None), (4, "thinned"), (8, "thinned")]
    assert Counter(vote["verdict"] for vote in first["votes"]) == {"chosen": 2, "rejected": 1}
    assert first["votes"][0] == {
        "annotator": "x", "verdict": "chosen", "strength": None, "reasons": ["clear"],
        "criteria": [{"name": "style", "verdict": "rejected"}, {"name": "truth", "verdict": "tie"}],
        "duration_ms": 1000, "timestamp": "2026-01-01T00:00:00Z", "source": "human", "is_adjudication": False,
    }  # fmt: skip
    # Of the last pair b won: what was said of a is turned.
    assert last["votes"][0]["verdict"] == "chosen"
    assert last["votes"][0]["criteria"][0] == {"name": "style", "verdict": "chosen"}
    assert [row["adjudicated"] for row in rows] == [None] * 3
    assert first["criteria"] == [
        {"name": "style", "soft_label": pytest.approx(2 / 3), "n": 3},
        {"name": "truth", "soft_label": 0.5, "n": 1},
    ]


WORDS_GIVEN = st.lists(st.sampled_from(["a", "b", "tie", "both_bad", "skip"]), min_size=1, max_size=6)


def labelled(*labels):
    """Labelled pairs and lines of a log with these labels."""
    return aggregate(table_of(labels), make_params().labels), table_of(labels)


@settings(max_examples=25)
@given(WORDS_GIVEN, st.sampled_from(["a", "b", "tie", "both_bad", "skip"]), st.booleans())
def test_a_ruling_is_no_vote(words, ruling, is_turned):
    votes = [label(annotator=str(place), verdict=word) for place, word in enumerate(words)]
    ruled = label(annotator="0", verdict=ruling, purpose="adjudication", criteria={"style": "a"})
    details = [Details(*labelled(*lines), None, str) for lines in (votes, [*votes, ruled])]
    without, row = (one.row(ruled.pair_id, is_turned) for one in details)
    side = {"a": "rejected" if is_turned else "chosen", "b": "chosen" if is_turned else "rejected"}
    assert (without["adjudicated"], row["adjudicated"]) == (None, side.get(ruling, ruling))
    same = [name for name in DETAILS.names if name not in ("adjudicated", "trained_label")]
    assert [row[name] for name in same] == [without[name] for name in same]
    assert row["votes"][:-1] == without["votes"]
    assert row["votes"][-1]["is_adjudication"]
    if ruling not in ("a", "b"):
        assert details[1].label(ruled.pair_id) == (None if ruling == "skip" else ruling)


def test_a_pair_that_nobody_but_the_ruling_speaks_of():
    ruled = label(purpose="adjudication")
    row = Details(*labelled(ruled), None).row(ruled.pair_id, False)
    assert (row["n_votes"], row["soft_label"], row["vote_margin"]) == (0, None, None)
    assert row["adjudicated"] == "chosen"


@settings(max_examples=25)
@given(WORDS_GIVEN)
def test_details_turn_with_the_pair(words):
    pairs, lines = labelled(*(label(annotator=str(place), verdict=word) for place, word in enumerate(words)))
    pairs = pairs.select([name for name in pairs.column_names if name != "share_a"])
    details = Details(pairs, lines, None, str)
    (pair,) = pairs["pair_id"].to_pylist()
    one, other = details.row(pair, False), details.row(pair, True)
    assert (one["votes_chosen"], one["votes_rejected"]) == (other["votes_rejected"], other["votes_chosen"])
    judged = [word for word in words if word in ("a", "b", "tie")]
    if judged:
        share = (judged.count("a") + judged.count("tie") / 2) / len(judged)
        assert one["soft_label"] == pytest.approx(share)
        assert one["soft_label"] + other["soft_label"] == pytest.approx(1)
        assert one["vote_margin"] == -other["vote_margin"] == pytest.approx(2 * share - 1)
    else:
        assert one["soft_label"] is one["vote_margin"] is None
    assert one["trained_label"] is None
    trained = Details(pairs.append_column("share_a", pa.array([0.25])), lines, None)
    assert [trained.row(pair, is_turned)["trained_label"] for is_turned in (False, True)] == [0.25, 0.75]
    drawn = 0 < words.count("a") == words.count("b") >= words.count("tie")
    kind = "disputed" if drawn else "tie" if judged else "both_bad" if "both_bad" in words else None
    assert details.label(pair) == kind
    assert one["n_votes"] == len(words) == len(one["votes"])


def test_ties_are_rows_of_their_own_kind_on_demand(named, log, tmp_path):
    counts = export(named, log, tmp_path / "x.jsonl", ties=True)
    rows = [json.loads(line) for line in (tmp_path / "x.jsonl").open()]
    assert [row["label"] for row in rows] == ["preferred", "preferred", "disputed", "both_bad", "preferred"]
    assert (counts["rows"], counts["ties"], counts["undecided"]) == (5, 2, 1)
    assert rows[2]["soft_label"] == 0.5
    export(named, log, tmp_path / "y.jsonl")
    assert [row for row in rows if row.pop("label") == "preferred"] == [
        json.loads(line) for line in (tmp_path / "y.jsonl").open()
    ]


def test_a_pair_ruled_both_bad_is_a_row_of_that_kind(named, log, tmp_path):
    path, _, rows = log
    first = Label.model_validate_json(path.open().readline())
    LabelLog(path).append([first.model_copy(update={"verdict": "both_bad", "purpose": "adjudication"})])
    export(named, log, tmp_path / "x.parquet", ties=True)
    row = read_table(tmp_path / "x.parquet").to_pylist()[0]
    assert (row["pair_id"], row["label"], row["adjudicated"]) == (rows[0]["pair_id"], "both_bad", "both_bad")
    assert (row["n_votes"], row["votes_both_bad"]) == (3, 0)


def test_pseudonyms_are_stable_secret_and_tell_people_apart(tmp_path):
    path = tmp_path / "new" / "secret"
    name = pseudonyms(path)
    assert not path.exists()
    assert name("ann") == pseudonyms(path)("ann") != name("bo")
    assert "ann@x" not in name("ann@x")
    assert path.stat().st_mode & 0o077 == 0
    assert pseudonyms(tmp_path / "other")("ann") != name("ann")


BUDGET = Budget.of(make_params(page__lease_minutes=30.0))


def card(named, log, folder, licence=None, name=str, *, limit=None, ties=False, budget=BUDGET):
    folder.mkdir(exist_ok=True)
    out = folder / "x.parquet"
    acquired, lines = campaign(named, log)
    acquired = acquired.first(limit)
    counts = write_preferences(acquired, named.prepared, out, Form.trl, with_ties=ties)
    exported = acquired.rows(with_ties=ties)["pair_id"].to_pylist()
    path = card_path(out)
    facts = Facts(
        *(out, counts, acquired.pair_ids(), exported, limit is not None, lines, budget, log[1], name, licence)
    )
    write_card(path, facts)
    return path, lines


def test_the_card_says_what_is_in_the_set(named, log, tmp_path):
    path, lines = card(named, log, tmp_path / "set", "cc-by-4.0", pseudonyms(tmp_path / "secret"))
    loaded = DatasetCard.load(path)
    loaded_data = load_dataset(str(path.parent), split="train", cache_dir=str(tmp_path / "cache"))
    assert (path.name, loaded.data.license, loaded_data.num_rows) == ("README.md", "cc-by-4.0", 3)
    text = loaded.text
    whole = agreement(standing_votes(lines))
    for said in (
        "| rows (split `train`) | 3 |", "| votes: both_bad | 1 |", "**no random sample**",
        "Of 3 rows: 2 of kind `policy`, 1 of kind `audit`.", "(column `audit`, 1 of them) were drawn at",
        "without a winner, left out: 2.",
        "| 3 | audit |  | 1 | 1 |", "| 5 | audit |  | 1 | 0 |", "| 4 | policy | thinned | 1 | 1 |",
        f"probability {whole.raw:.3f}", "3 annotators.",
        "| human | 10 | 0.00 | 5.00 |",
        "| g1 | 10 |", f"prefloop {__version__}",
    ):  # fmt: skip
        assert said in text, said
    assert "| x |" not in text
    before = path.read_bytes()
    assert (
        card(named, log, tmp_path / "set", "cc-by-4.0", pseudonyms(tmp_path / "secret"))[0].read_bytes() == before
    )
    text = card(named, log, tmp_path / "set")[0].read_text()
    assert "license: unknown" in text
    assert "ask who made the texts" in text


def test_the_card_counts_work_as_the_status_does(named, log, tmp_path):
    path, _, _ = log
    first, second, *_ = map(Label.model_validate_json, path.open())
    LabelLog(path).append(
        [
            first.model_copy(update={"duration_ms": 3 * 3_600_000, "annotator": "open tab"}),
            first.model_copy(update={"purpose": "adjudication", "cost": None, "duration_ms": 3_600_000}),
            second.model_copy(update={"source": "judge:j", "annotator": "j", "cost": 0.01}),
            second.model_copy(update={"source": "data:f", "annotator": "data", "cost": None}),
        ]
    )
    written, lines = card(named, log, tmp_path / "set")
    text, spent = written.read_text(), BUDGET.spent_by(lines)
    assert (spent.labels, spent.ms) == (12, 10 * 1000 + 1_800_000)
    assert f"| all | 12 | {spent.hours:.2f} | {spent.money:.2f} |" in text
    assert "| human | 11 | 0.50 | 5.50 |\n| judge:j | 1 | 0.00 | 0.01 |" in text
    assert "| pairs that an admin ruled on, which is no vote | 1 |" in text
    assert "| standing votes on them | 13 |" in text
    as_recorded = card(named, log, tmp_path / "set", budget=None)[0].read_text()
    assert "| human | 11 | 3.00 | 5.50 |" in as_recorded
    assert "as the log says" in as_recorded


def test_the_card_of_the_first_labels_is_about_these_alone(named, log, tmp_path):
    written, _ = card(named, log, tmp_path / "set", limit=2)
    text = written.read_text()
    for said in (
        "| labelled pairs | 2 |", "| standing votes on them | 5 |", "| votes: both_bad | 0 |", "3 annotators.",
        "Of 2 rows: 1 of kind `audit`, 1 of kind `policy`.", "| human | 5 | 0.00 | 2.50 |", "| g1 | 5 |",
        "Of the exported labels alone",
    ):  # fmt: skip
        assert said in text, said
    assert "| 5 | audit |" not in text


def test_a_readme_of_somebody_else_is_left_alone(named, log, tmp_path):
    (tmp_path / "README.md").write_text("mine")
    path, _ = card(named, log, tmp_path)
    assert path.name == "x.README.md"
    assert MARK in path.read_text()
    assert (tmp_path / "README.md").read_text() == "mine"


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_trl_trains_on_a_file_with_all_details(named, log, model, tmp_path, ending):  # noqa: F811
    from trl import RewardConfig, RewardTrainer

    path = tmp_path / f"set.{ending}"
    export(named, log, path, name=str)
    builder = "parquet" if ending == "parquet" else "json"
    dataset = load_dataset(builder, data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"))
    assert set(DETAILS.names) <= set(dataset.column_names)
    training = trainer(model, dataset, tmp_path / "dpo")
    assert len(training.train_dataset) == 3
    training.train()
    assert training.state.global_step == 1
    config = RewardConfig(
        output_dir=str(tmp_path / "reward"), max_steps=1, per_device_train_batch_size=2, report_to=[],
        use_cpu=True, bf16=False, save_strategy="no", disable_tqdm=True, max_length=None,
    )  # fmt: skip
    reward = RewardTrainer(model=str(model), args=config, train_dataset=dataset)
    assert len(reward.train_dataset) == 3
    # TRL would take a column of that name into the loss.
    assert "margin" not in reward.train_dataset.column_names
    reward.train()
    assert reward.state.global_step == 1
