"""The project files that a module imports, read from the source."""

from __future__ import annotations

import ast
from pathlib import Path

_OWN_PACKAGES = ("prefloop", "stages", "cli")


def source_files(root: Path, *entries: Path) -> list[Path]:
    """Return the project files that `entries` import, directly or not, themselves included.

    Imports are read as text (the syntax tree), nothing is run. Packages count with their
    `__init__.py`. Only the project's own packages below `root` are followed.
    """
    found: set[Path] = set()
    waiting = [entry.resolve() for entry in entries]
    root = root.resolve()
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            else:
                continue
            for name in names:
                waiting.extend(_module_files(root, name))
    return sorted(found)


def _module_files(root: Path, name: str) -> list[Path]:
    parts = name.split(".")
    # In an installed copy `root` is site-packages, where everybody else's packages lie too.
    if parts[0] not in _OWN_PACKAGES:
        return []
    files = [root.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
    files.append(root.joinpath(*parts).with_suffix(".py"))
    return [file for file in files if file.is_file()]
