"""State is listed and pruned from the command line."""

from __future__ import annotations

import json

import pytest

from tests.rounds.test_state import root  # noqa: F401


@pytest.mark.parametrize("as_json", [False, True])
def test_the_commands(prefloop, root, tmp_path, as_json):  # noqa: F811
    (tmp_path / ".prefloop").mkdir()
    root.rename(tmp_path / ".prefloop" / "runs")
    options = ("--out", str(tmp_path), *(["--json"] if as_json else []))
    listed, pruned = prefloop("state", "list", *options), prefloop("state", "prune", *options)
    assert (listed.code, pruned.code) == (0, 0)
    if as_json:
        assert [entry["in_use"] for entry in json.loads(listed.out)] == [True, False, True]
        assert len(json.loads(pruned.out)["removed"]) == 1
    else:
        assert "1 of 3 states superseded" in listed.out
        assert "1 superseded states removed" in pruned.out
