"""What an import tells apart: new, known, conflicting, unknown and skipped; the log changes where it must."""

from __future__ import annotations

import json

import pytest

from prefloop.errors import DataError
from prefloop.exchange.label_files.formats import Format
from prefloop.labels.label import WITHDRAWN, Label
from prefloop.labels.log import LabelLog
from tests.exchange.label_files.helpers import (
    annotation,
    export,
    fill,
    questions,
    rows_of,
    write_rows,
)
from tests.exchange.label_files.test_round_trip import taken, verdict_of


def filled(layout, tmp_path, words=("left", "right", "tie"), annotator="ann"):
    """A CSV in which the first questions are answered."""
    asked = questions(layout)
    given = {one.pair_id: word for one, word in zip(asked, words, strict=False)}
    return fill(export(layout, tmp_path, Format.csv, everything=False), Format.csv, given, annotator), asked


def said(layout):
    return [(line["pair_id"], line["annotator"], line["verdict"]) for line in lines(layout)]


def lines(layout):
    return LabelLog(layout.labels).read_on().lines.to_pylist()


def test_a_contradiction_is_listed_and_taken_only_on_demand(layout, tmp_path):
    path, asked = filled(layout, tmp_path)
    taken(path, layout)
    before = layout.labels.read_bytes()
    rows = rows_of(path)
    rows[0]["verdict"] = "right"
    write_rows(path, rows)
    done = taken(path, layout)
    (one,) = done.conflicting
    assert (one.row, one.pair_id, one.annotator) == (1, asked[0].pair_id, "ann")
    assert (one.stands, one.got) == (verdict_of(asked[0], "left"), verdict_of(asked[0], "right"))
    assert (len(done.new), done.known) == (0, (2, 3))
    assert layout.labels.read_bytes() == before
    assert taken(path, layout, replacing=True).replaced == 1
    assert layout.labels.read_bytes().startswith(before)
    assert said(layout)[-1] == (asked[0].pair_id, "ann", verdict_of(asked[0], "right"))
    after = layout.labels.read_bytes()
    assert taken(path, layout, replacing=True).known == taken(path, layout).known == (1, 2, 3)
    assert layout.labels.read_bytes() == after


def test_a_file_that_contradicts_itself_is_not_taken(layout, tmp_path):
    path, asked = filled(layout, tmp_path, ["left"])
    rows = rows_of(path)[:1]
    write_rows(path, [rows[0], rows[0] | {"verdict": "tie"}, rows[0] | {"annotator": "bo"}])
    done = taken(path, layout)
    assert [one.row for one in done.conflicting] == [1, 2]
    assert said(layout) == [(asked[0].pair_id, "bo", verdict_of(asked[0], "left"))]
    assert [told.row for told in taken(path, layout, replacing=True).new] == [2]
    assert said(layout)[-1] == (asked[0].pair_id, "ann", "tie")


def test_what_was_taken_back_or_changed_since_stays_so(layout, tmp_path):
    path, _ = filled(layout, tmp_path)
    taken(path, layout)
    log, (first, second, _) = LabelLog(layout.labels), map(Label.model_validate_json, layout.labels.open())
    back = {"verdict": None, "reason": WITHDRAWN, "timestamp": "2026-01-01T00:00:00Z"}
    log.append([first.model_copy(update=back), second.model_copy(update={"verdict": "both_bad"})])
    before = layout.labels.read_bytes()
    assert taken(path, layout).known == (1, 2, 3)
    assert layout.labels.read_bytes() == before
    assert [told.row for told in taken(path, layout, replacing=True).new] == [1, 2]


def test_unknown_pairs_and_rows_without_a_verdict_are_counted(layout, tmp_path):
    path, _ = filled(layout, tmp_path, ["left", "tie"])
    rows = rows_of(path)
    rows[1]["pair_id"] = "0" * 32
    rows[2]["comment"] = "hm"
    write_rows(path, rows)
    done = taken(path, layout)
    assert [told.row for told in done.new] == [1]
    assert done.unknown == ((2, "0" * 32),)
    assert done.skipped == {"half_filled": [3], "empty": list(range(4, len(rows) + 1))}
    assert len(said(layout)) == 1


def test_a_dry_run_writes_nothing(layout, tmp_path):
    path, _ = filled(layout, tmp_path)
    assert len(taken(path, layout, dry_run=True).new) == 3
    assert layout.labels.read_bytes() == b""
    assert taken(path, layout).to_json()["new"] == 3


def test_several_people_are_several_votes(layout, tmp_path):
    path, _ = filled(layout, tmp_path, ["left"])
    rows = rows_of(path)[:1]
    write_rows(
        path, [rows[0] | {"annotator": name, "verdict": word} for name, word in (("x", "left"), ("y", "right"))]
    )
    assert len(taken(path, layout).new) == 2
    write_rows(path, [rows[0] | {"annotator": ""}])
    with pytest.raises(DataError, match=r"row 1, field 'annotator': got None, expected who .* --annotator NAME"):
        taken(path, layout)
    taken(path, layout, annotator="z")
    assert [who for _, who, _ in said(layout)] == ["x", "y", "z"]


def test_wrong_rows_are_all_named_and_nothing_is_taken(layout, tmp_path):
    path, _ = filled(layout, tmp_path, ["left"] * 5)
    rows = rows_of(path)
    rows[1] |= {"verdict": "maybe"}
    rows[2] |= {"strength": "very"}
    rows[3] |= {"left": rows[3]["left"] + " and more"}
    rows[4] |= {"prompt": "another"}
    write_rows(path, rows)
    with pytest.raises(DataError) as error:
        taken(path, layout)
    told = str(error.value).split("\n")
    for line, field in zip(told, ("verdict", "strength", "left", "prompt"), strict=False):
        assert f"field '{field}': got " in line
    assert [f"row {number}," in line for number, line in enumerate(told[:4], start=2)] == [True] * 4
    assert told[4].startswith("nothing of the file was taken")
    assert layout.labels.read_bytes() == b""
    assert error.value.place["row"] == 2


def test_a_mistake_of_a_whole_column_hides_no_other(layout, tmp_path):
    path, _ = filled(layout, tmp_path, ["left"] * 12)
    rows = [row | {"verdict": "maybe"} for row in rows_of(path)]
    rows[10] |= {"verdict": "left", "strength": "very"}
    write_rows(path, rows)
    with pytest.raises(DataError) as error:
        taken(path, layout)
    told = str(error.value).split("\n")
    assert [line.split(":")[0].split(", ", 1)[1] for line in told[:4]] == [
        "row 1, field 'verdict'", "row 2, field 'verdict'", "row 3, field 'verdict'", "row 11, field 'strength'",
    ]  # fmt: skip
    assert told[4:] == [
        "... field 'verdict': 8 more, row 4-10, 12",
        "nothing of the file was taken: mend these rows, then import it again",
    ]
    assert error.value.place["row"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"delimiter": ";", "bom": False},
        {"delimiter": "\t", "lineterminator": "\n"},
        {"quoting": 1},
    ],
)
def test_other_dialects_orders_and_spellings_of_columns(layout, tmp_path, change):
    path, _ = filled(layout, tmp_path, ["LEFT", " Right ", "Tie"])
    expected = [(told.label.pair_id, told.label.verdict) for told in taken(path, layout, dry_run=True).new]
    renamed = {"pair_id": "Pair ID", "verdict": "Verdict", "left_id": "left-id"}
    rows = [{renamed.get(name, name): row[name] for name in reversed(row)} for row in rows_of(path)]
    write_rows(path, rows, **change)
    assert [(told.label.pair_id, told.label.verdict) for told in taken(path, layout).new] == expected


def test_without_pair_or_verdict_it_says_what_is_there(layout, tmp_path):
    path, _ = filled(layout, tmp_path)
    write_rows(path, [{"pair": row["pair_id"], "choice": "left"} for row in rows_of(path)])
    with pytest.raises(DataError, match="got the columns pair, choice; expected pair_id and verdict"):
        taken(path, layout)


def test_what_stood_left_is_told_by_texts_then_ids(layout, tmp_path):
    path, asked = filled(layout, tmp_path, ["left"])
    row = rows_of(path)[0]
    turned = row | {"left": row["right"], "right": row["left"]}
    cases = [
        (row, "left"),
        (turned, "right"),
        ({name: row[name] for name in row if name not in ("left_id", "right_id")}, "left"),
        ({name: turned[name] for name in row if name not in ("left_id", "right_id")}, "right"),
        ({name: row[name] for name in row if name not in ("left", "right", "prompt")}, "left"),
    ]
    for number, (content, word) in enumerate(cases):
        write_rows(path, [content | {"annotator": f"x{number}"}])
        (told,) = taken(path, layout).new
        assert told.label.verdict == verdict_of(asked[0], word), number
    kept = ("pair_id", "verdict", "annotator")
    write_rows(path, [{name: row[name] for name in kept}])
    with pytest.raises(DataError, match=r"field 'left_id': got None, expected left_id and right_id, or the texts"):
        taken(path, layout)
    write_rows(path, [{name: row[name] for name in kept} | {"verdict": "tie"}])
    assert taken(path, layout).new[0].label.shown_left is None


def test_letters_beside_the_completions_ids_are_refused(layout, tmp_path):
    path, asked = filled(layout, tmp_path, ["a"])
    row = rows_of(path)[0]
    assert taken(path, layout, dry_run=True).new[0].label.verdict == verdict_of(asked[0], "left")
    write_rows(path, [row | {"completion_a": asked[0].left_id}])
    with pytest.raises(DataError, match="field 'verdict': got 'a', expected left or right: beside the column"):
        taken(path, layout)


def test_half_a_line_at_the_end_is_counted(layout, tmp_path):
    for form, cut in ((Format.jsonl, 40), (Format.csv, 60)):
        asked = questions(layout)
        path = fill(export(layout, tmp_path, form), form, {one.pair_id: "tie" for one in asked}, form.value)
        content = path.read_bytes().rstrip()
        path.write_bytes(content[:-cut])
        done = taken(path, layout, dry_run=True)
        assert len(done.new) == len(asked) - 1
        assert done.skipped == {"unfinished": [len(asked)]}


def test_lines_of_another_log(layout, tmp_path):
    path, _ = filled(layout, tmp_path)
    taken(path, layout)
    other = tmp_path / "other.jsonl"
    first, *rest = (json.loads(line) for line in layout.labels.open())
    changed = [first | {"verdict": "skip"}, first | {"annotator": "bo"}, first | {"purpose": "gold"}]
    other.write_text("".join(json.dumps(line) + "\n" for line in [first, *rest, *changed]))
    before = layout.labels.read_bytes()
    done = taken(other, layout)
    # In the other log the first word was corrected: here that is another word of the same person.
    assert [(one.row, one.got) for one in done.conflicting] == [(4, "skip")]
    assert done.skipped == {"superseded": [1], "no_vote": [6]}
    assert (done.known, [told.row for told in done.new]) == ((2, 3), [5])
    assert layout.labels.read_bytes().startswith(before)
    assert taken(layout.labels, layout).known == (1, 2, 3, 4)
    assert lines(layout)[-1] | {"annotator": "ann"} == lines(layout)[0]
    other.write_text(json.dumps(first | {"round": -1}) + "\n")
    with pytest.raises(DataError, match="row 1, field 'round': got -1"):
        taken(other, layout)


def test_label_studio_with_several_users_drafts_and_cancelled(layout, tmp_path):
    path = export(layout, tmp_path, Format.labelstudio)
    tasks = json.loads(path.read_text())
    tasks[0] |= {"annotations": [annotation("left", 1), annotation("right", {"id": 2, "email": "b@x.org"})]}
    tasks[1] |= {"annotations": [annotation("left", 1, was_cancelled=True)], "drafts": [{"result": []}]}
    tasks[2] |= {"annotations": [annotation("left", 1, result=[])]}
    for task in tasks[3:]:
        task |= {"annotations": []}
    path.write_text(json.dumps(tasks))
    done = taken(path, layout)
    assert [(one.label.annotator, one.label.duration_ms) for one in done.new] == [("1", 4288), ("b@x.org", 4288)]
    assert {one.label.timestamp for one in done.new} == {"2021-03-09T22:16:09.728353Z"}
    assert {reason: len(rows) for reason, rows in done.skipped.items()} == {
        "draft": 1, "cancelled": 1, "empty": len(tasks) - 2,
    }  # fmt: skip
    both = annotation("left", 1)
    both["result"] += annotation("tie", 1)["result"]
    tasks[0] |= {"annotations": [both]}
    path.write_text(json.dumps(tasks))
    with pytest.raises(DataError, match=r"row 1, field 'verdict': .* expected one verdict"):
        taken(path, layout)


def test_flat_exports_of_label_studio(layout, tmp_path):
    """JSON-MIN and CSV, by the rules of label_studio_sdk.converter."""
    tasks = json.loads(export(layout, tmp_path, Format.labelstudio).read_text())
    rows = [
        task["data"]
        | {"id": 1, "annotator": 7, "verdict": [{"selected": "right"}], "created_at": "2026-01-01T00:00:00Z"}
        for task in tasks[:2]
    ]
    rows += [tasks[2]["data"] | {"id": 2, "annotator": 7, "instead": "both_bad"}]
    (tmp_path / "min.json").write_text(json.dumps(rows))
    assert [one.label.annotator for one in taken(tmp_path / "min.json", layout).new] == ["7"] * 3
    cells = [
        {name: json.dumps(value) if isinstance(value, list) else value for name, value in row.items()}
        for row in [{"verdict": "", "instead": "", **row} for row in rows]
    ]
    names = dict.fromkeys(name for row in cells for name in row)
    write_rows(tmp_path / "x.csv", [{name: row.get(name, "") for name in names} for row in cells], bom=False)
    assert taken(tmp_path / "x.csv", layout).known == (1, 2, 3)


def test_potatos_own_state_and_its_tables(layout, tmp_path):
    items = [json.loads(line)["id"] for line in export(layout, tmp_path, Format.potato).open()]
    selection = {"schema": "verdict", "name": "selection"}
    state = {
        "user_id": "eve",
        "instance_id_ordering": items,
        "instance_id_to_label_to_value": {
            items[0]: [[selection, "A"]],
            items[1]: [[{"schema": "instead", "name": "skip"}, "skip"]],
            items[2]: [],
        },
    }
    path = tmp_path / "user_state.json"
    path.write_text(json.dumps(state, indent=2))
    done = taken(path, layout)
    assert ([one.label.annotator for one in done.new], done.skipped) == (["eve"] * 2, {"empty": [1]})
    rows = [
        {"instance_id": items[0], "user_id": "eve", "verdict.selection": "A", "instead.skip": ""},
        {"instance_id": items[1], "user_id": "eve", "verdict.selection": "", "instead.skip": "skip"},
        {"instance_id": items[2], "user_id": "eve", "verdict.selection": "B", "instead.skip": ""},
    ]
    done = taken(write_rows(tmp_path / "annotations.tsv", rows, bom=False, delimiter="\t"), layout)
    assert (done.known, len(done.new)) == ((1, 2), 1)
    write_rows(path, [rows[0] | {"instance_id": "3"}])
    with pytest.raises(DataError, match="field 'instance_id': got '3', expected PAIR-a or PAIR-b"):
        taken(path, layout)
