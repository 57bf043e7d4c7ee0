from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
import yaml

from prefloop.config import Params, packaged_params, parse_params
from prefloop.errors import DataError
from prefloop.io.layout import Layout
from stages.prepare import run


def params(**data: Any) -> Params:
    content = yaml.safe_load(packaged_params().read_text(encoding="utf-8"))
    content["data"].update(data)
    return parse_params(content, "params.yaml")


def prompts(layout: Layout) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(layout.prepared / "prompts.parquet").to_pylist()
    return rows


def test_the_default_source_needs_no_files(tmp_path: Path) -> None:
    layout = Layout.folder(tmp_path)
    run(params(), layout)
    assert {row["split"] for row in prompts(layout)} == {"auto", "ood"}


def test_files_with_a_filter_each_make_pool_test_and_ood(tmp_path: Path) -> None:
    rows = [
        {"prompt": f"P{k}", "chosen": "x", "rejected": "y", "domain": "near" if k % 2 else "far"}
        for k in range(200)
    ]
    (tmp_path / "x.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    files = [
        {"path": "x.jsonl", "where": "domain=near"},
        {"path": "x.jsonl", "where": "domain=far", "split": "ood"},
    ]
    layout = Layout.folder(tmp_path / "out")
    run(params(source="files", raw=str(tmp_path), files=files), layout)
    splits = [row["split"] for row in prompts(layout)]
    assert splits.count("ood") == 100
    assert splits.count("auto") == 100


def test_hub_from_a_local_copy(tmp_path: Path) -> None:
    path = tmp_path / "hh.jsonl"
    start = "\n\nHuman: {}\n\nAssistant:"
    rows = [{"chosen": start.format(k) + " A.", "rejected": start.format(k) + " B."} for k in range(60)]
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    layout = Layout.folder(tmp_path / "out")
    run(params(source="hub", hub={"preset": "hh", "path": str(path), "revision": None}), layout)
    assert len(prompts(layout)) == 60


def test_files_that_are_not_read_stand_in_the_report(tmp_path: Path) -> None:
    rows = [{"prompt": f"P{k}", "chosen": "x", "rejected": "y"} for k in range(40)]
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/x.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    for name in ("notes.md", "old.zip"):
        (tmp_path / "raw" / name).write_bytes(b"PK\x03\x04 or a note")
    layout = Layout.folder(tmp_path / "out")
    run(params(source="files", raw=str(tmp_path / "raw")), layout)
    report = orjson.loads((layout.prepared / "report.json").read_bytes())
    assert report["unread_files"] == ["notes.md", "old.zip"]


def test_a_malformed_file_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(b'{"prompt": "P"')
    layout = Layout.folder(tmp_path / "out")
    with pytest.raises(DataError, match=r"x\.jsonl, row 1"):
        run(params(source="files", raw=str(tmp_path)), layout)
    assert not layout.prepared.exists()
