"""Label files out: what waits, without formulas and models' names, as the tools' schemas want it."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import openpyxl
import pyarrow as pa
import pytest
import yaml
from datasets import load_dataset

from prefloop.campaign.issued import ISSUED
from prefloop.errors import ConfigError, NothingLeft, StateError
from prefloop.exchange.label_files.cells import LONGEST
from prefloop.exchange.label_files.formats import Format
from prefloop.exchange.label_files.questions import Question, waiting
from prefloop.exchange.label_files.tables import columns, write_xlsx
from prefloop.exchange.label_files.tools import STRENGTHS, studio_config
from prefloop.exchange.label_files.write import export_questions, guidelines_digest
from prefloop.io.arrays import read_table, write_table
from prefloop.io.hashing import bytes_digest
from prefloop.labels.lines import table_of
from prefloop.labels.log import LabelLog
from prefloop.messages.message import Turns
from tests.exchange.label_files.helpers import PAIRS, PARAMS, export, fill, questions, rows_of
from tests.exchange.label_files.test_round_trip import taken
from tests.labels.helpers import label
from tests.worlds import make_params


@pytest.mark.parametrize("form", Format)
def test_no_model_is_named_and_the_file_is_the_same_again(campaign, tmp_path, form):
    path = export(campaign, tmp_path, form)
    files = sorted(tmp_path.iterdir())
    before = {file: file.read_bytes() for file in files}
    assert not any(b"secret" in content for content in before.values())
    if form is not Format.xlsx:  # a sheet holds the time at which it was written
        export(campaign, tmp_path, form)
        assert {file: file.read_bytes() for file in sorted(tmp_path.iterdir())} == before
    else:
        names = [cell.value for cell in openpyxl.load_workbook(path).active[1]]
        assert names == columns(questions(campaign))


def test_no_cell_of_a_spreadsheet_is_a_formula(campaign, tmp_path):
    sheet = openpyxl.load_workbook(export(campaign, tmp_path, Format.xlsx)).active
    cells = [cell for line in sheet.iter_rows(min_row=2) for cell in line if isinstance(cell.value, str)]
    assert {cell.data_type for cell in cells} == {"s"}
    assert any(cell.value.startswith("=") for cell in cells)
    for row in rows_of(export(campaign, tmp_path, Format.csv)):
        assert not any(value.lstrip()[:1] in tuple("=+-@") for value in row.values() if value)
    raw = (tmp_path / "out.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.count(b"\r") == raw.count(b"\r\n") == PAIRS + 1


def test_a_text_too_long_for_a_cell_is_refused_with_the_remedy(tmp_path):
    ids = ("p" * 32, "q", "left", "right")
    for size, is_refused in ((LONGEST // 2, False), (LONGEST // 2 + 1, True)):
        one = Question(*ids, 0, (), Turns("why"), Turns("😀" * size), Turns("no"))
        if is_refused:
            with pytest.raises(ConfigError, match=r"field 'left': got a text of 32768 .* --format jsonl"):
                write_xlsx(tmp_path / "x.xlsx", [one], None, ("left", "right"))
        else:
            write_xlsx(tmp_path / "x.xlsx", [one], None, ("left", "right"))


def test_only_what_waits_is_written(layout, tmp_path):
    asked = questions(layout)
    given = {one.pair_id: "left" for one in asked[:5]}
    taken(fill(export(layout, tmp_path, Format.csv), Format.csv, given), layout)
    assert [row["pair_id"] for row in rows_of(export(layout, tmp_path, Format.csv))] == [
        one.pair_id for one in asked[5:]
    ]
    rest = {one.pair_id: "skip" for one in asked[5:]}
    taken(fill(export(layout, tmp_path, Format.csv), Format.csv, rest), layout)
    with pytest.raises(NothingLeft, match="has no comparison that waits"):
        export(layout, tmp_path, Format.csv)


def test_a_pair_waits_until_enough_people_have_a_standing_word():
    def pair(number, annotators):
        return {"pair_id": label(number).pair_id, "annotators": annotators}

    batch = pa.Table.from_pylist([pair(0, 2), pair(1, 2), pair(2, 1), pair(3, 2), pair(4, 1)])
    back = {"verdict": None, "reason": "withdrawn"}
    said = [
        label(0), label(1), label(1, annotator="bo", verdict="skip"), label(2), label(2, **back),
        label(3, purpose="adjudication"), label(4, purpose="gold"),
    ]  # fmt: skip
    left = waiting(batch, table_of(said))["pair_id"].to_pylist()
    assert left == [label(number).pair_id for number in (0, 2, 4)]


def test_all_pairs_that_were_ever_chosen_are_written_once(layout, tmp_path):
    with pytest.raises(StateError, match=r"issued\.parquet is missing"):
        export(layout, tmp_path, Format.csv, everything=True)
    listed = read_table(layout.prepared / "pairs.parquet").to_pylist()
    rows = [{"round": number // 10, "kind": "policy", "annotators": 1, **row} for number, row in enumerate(listed)]
    table = pa.Table.from_pylist([*rows, rows[0] | {"round": 7, "kind": "relabel"}], ISSUED)
    write_table(layout.issued, table)
    written = rows_of(export(layout, tmp_path, Format.csv, everything=True))
    assert [row["pair_id"] for row in written] == [row["pair_id"] for row in listed]
    assert [int(row["round"]) for row in written] == [row["round"] for row in rows]
    # A verdict on a pair of an earlier batch keeps its round.
    path = fill(tmp_path / "out.csv", Format.csv, {listed[-1]["pair_id"]: "tie"})
    assert taken(path, layout).new[0].label.round == rows[-1]["round"]


def test_own_ids_are_written_where_the_data_have_them(layout, tmp_path):
    path = layout.prepared / "pairs.parquet"
    assert "ids" not in rows_of(export(layout, tmp_path, Format.csv))[0]
    table = read_table(path)
    ids = [[f"mine-{number}", "x"] if number % 2 else [] for number in range(len(table))]
    place = table.column_names.index("ids")
    write_table(path, table.set_column(place, "ids", pa.array(ids, pa.list_(pa.string()))))
    by_pair = dict(zip(table["pair_id"].to_pylist(), ids, strict=True))
    for row in rows_of(export(layout, tmp_path, Format.csv)):
        assert row["ids"] == ", ".join(by_pair[row["pair_id"]])
    for line in export(layout, tmp_path, Format.jsonl).open():
        row = json.loads(line)
        assert row["ids"] == by_pair[row["pair_id"]]


def test_datasets_load_it_with_all_messages(campaign, tmp_path):
    path = export(campaign, tmp_path, Format.jsonl)
    loaded = load_dataset("json", data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded.num_rows == PAIRS
    for row, one in zip(loaded, questions(campaign), strict=True):
        assert (row["left"], row["right"], row["verdict"]) == (one.left.plain, one.right.plain, None)
        assert row["messages"]["left"] == [{"role": "assistant", "content": one.left.plain}]


def test_configurations_offer_what_the_page_offers(campaign, tmp_path):
    plain = make_params(page__verdicts=["tie"], page__title='<b>"Which?"</b>')
    for form, path in ((Format.labelstudio, "x.json"), (Format.potato, "y.jsonl")):
        export_questions(plain, campaign, tmp_path / path, form, everything=False, guidelines=None)
    view = ElementTree.fromstring((tmp_path / "x.xml").read_text())
    assert [choice.get("value") for choice in view.iter("Choice")] == ["tie"]
    assert view.find("Header").get("value") == plain.page.title
    assert set(view.find("Pairwise").get("toName").split(",")) == {
        text.get("name") for text in view.iter("Text") if text.get("name") != "prompt"
    }
    keys = {text.get("value").removeprefix("$") for text in view.iter("Text")}
    assert all(keys <= task["data"].keys() for task in json.loads((tmp_path / "x.json").read_text()))
    (scheme,) = yaml.safe_load((tmp_path / "y.yaml").read_text())["annotation_schemes"]
    assert (scheme["annotation_type"], scheme["allow_tie"]) == ("pairwise", True)
    assert scheme["label_requirement"] == {"required": True}
    choices = [choice.get("value") for choice in ElementTree.fromstring(studio_config(PARAMS.page)).iter("Choice")]
    assert choices == ["tie", "both_bad", "skip", *STRENGTHS]


def test_the_digest_of_the_instructions_goes_out_and_comes_back(layout, tmp_path):
    (tmp_path / "rules.md").write_text("Be kind.")
    params = make_params(page__guidelines="rules.md")
    digest = guidelines_digest(params, tmp_path / "params.yaml")
    assert digest == bytes_digest(b"Be kind.")
    path = export(layout, tmp_path, Format.csv, guidelines=digest)
    taken(fill(path, Format.csv, {questions(layout)[0].pair_id: "left"}), layout)
    assert LabelLog(layout.labels).read_on().lines["rubric_version"].to_pylist() == [digest]
    (tmp_path / "rules.md").unlink()
    with pytest.raises(ConfigError, match=r"page\.guidelines: .*rules\.md is missing"):
        guidelines_digest(params, tmp_path / "params.yaml")
    assert guidelines_digest(make_params(), tmp_path / "params.yaml") is None


def test_another_ending_is_refused(campaign, tmp_path):
    for name, form in (("x.txt", Format.csv), ("x.csv", Format.xlsx), ("x.jsonl", Format.labelstudio)):
        with pytest.raises(ConfigError, match=f"--out: got .*{name}, expected a file name that ends in"):
            export_questions(PARAMS, campaign, tmp_path / name, form, everything=False, guidelines=None)
    with pytest.raises(ConfigError, match="is a folder"):
        export_questions(PARAMS, campaign, tmp_path, Format.csv, everything=False, guidelines=None)
