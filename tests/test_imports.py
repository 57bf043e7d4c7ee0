"""Imports are followed as they are written."""

from __future__ import annotations

from tests.imports import source_files
from tests.worlds import ROOT


def test_source_follows_imports_of_every_kind(tmp_path):
    files = {
        "prefloop/__init__.py": '"""Doc."""\n',
        "prefloop/one.py": "from prefloop import two\nimport json\nimport foreign\n",
        "prefloop/two.py": "def f():\n    import prefloop.sub.three\n",
        "prefloop/sub/__init__.py": "",
        "prefloop/sub/three.py": "from t import TYPE_CHECKING as T\nif T:\n    from prefloop.four import X\n",
        "prefloop/four.py": "X = 1\n",
        "prefloop/idle.py": "Y = 1\n",
        "foreign.py": "Z = 1\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    entry = tmp_path / "prefloop" / "one.py"
    found = {str(file.relative_to(tmp_path)) for file in source_files(tmp_path, entry)}
    assert found == set(files) - {"prefloop/idle.py", "foreign.py"}


def test_the_campaign_stands_on_the_page_and_the_page_on_the_desk():
    def reached(folder):
        entries = (ROOT / "prefloop" / folder).rglob("*.py")
        files = {file for entry in entries for file in source_files(ROOT, entry)}
        return {file.relative_to(ROOT / "prefloop").parts[0] for file in files if "prefloop" in file.parts}

    assert {"campaign", "page"}.isdisjoint(reached("desk"))
    assert "desk" in reached("page")
    assert "campaign" not in reached("page")
