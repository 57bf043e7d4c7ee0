"""A file or folder is there whole or not at all."""

import os
import subprocess
import sys

import pytest

from prefloop.io.atomic import atomic_folder, atomic_path, write_bytes, write_text


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_stood_there_is_replaced(tmp_path):
    path = tmp_path / "deep" / "x.txt"
    write_text(path, "önce")
    write_bytes(path, b"twice")
    assert path.read_bytes() == b"twice"
    assert names(path.parent) == ["x.txt"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "x"
    write_text(path, "old")

    def write():
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["x"]


def test_a_file_that_was_never_written_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "x"):
        pass
    assert names(tmp_path) == []


def test_an_error_leaves_the_old_folder_and_nothing_else(tmp_path):
    folder = tmp_path / "f"
    with atomic_folder(folder) as temporary:
        (temporary / "a").write_text("old")

    def write():
        with atomic_folder(folder) as temporary:
            (temporary / "b").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write()
    assert names(tmp_path) == ["f"]
    assert names(folder) == ["a"]


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    folder = tmp_path / "f"
    for name in ("a", "b"):
        with atomic_folder(folder) as temporary:
            (temporary / name).write_text(name)
    assert names(folder) == ["b"]
    assert names(tmp_path) == ["f"]


def test_what_a_killed_process_left_is_removed(tmp_path):
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    (tmp_path / f".f.{ended.pid}.tmp").mkdir()
    (tmp_path / f".f.{ended.pid}.tmp" / "stale").write_text("half")
    (tmp_path / f".x.{ended.pid}.tmp").write_text("half")
    with atomic_folder(tmp_path / "f") as temporary:
        (temporary / "a").write_text("whole")
    write_text(tmp_path / "x", "whole")
    assert names(tmp_path) == ["f", "x"]
    assert names(tmp_path / "f") == ["a"]


def test_what_a_kill_between_the_two_renames_left_is_put_back(tmp_path):
    (tmp_path / ".f.old").mkdir()
    (tmp_path / ".f.old" / "a").write_text("old")
    seen = []
    with atomic_folder(tmp_path / "f") as temporary:
        seen += names(tmp_path / "f")
        (temporary / "a").write_text("new")
    assert seen == ["a"]
    assert (tmp_path / "f" / "a").read_text() == "new"
    assert names(tmp_path) == ["f"]


def test_an_error_between_the_two_renames_puts_the_old_folder_back(tmp_path, monkeypatch):
    folder = tmp_path / "f"
    with atomic_folder(folder) as temporary:
        (temporary / "a").write_text("old")
    real, calls = os.replace, []

    def stop_at_second(source, target):
        calls.append(target)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(os, "replace", stop_at_second)
    with pytest.raises(KeyboardInterrupt), atomic_folder(folder) as temporary:
        (temporary / "a").write_text("new")
    monkeypatch.undo()
    assert (folder / "a").read_text() == "old"
    assert names(tmp_path) == ["f"]
