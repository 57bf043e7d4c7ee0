"""Every known failure is one clear line and its exit code; a defect keeps its traceback."""

import errno

import pytest

from prefloop import errors
from prefloop.errors import DataError, PrefloopError, exit_code_of


def raising(error):
    def action():
        raise error

    return action


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigError("m"), 2),
        (errors.DataError("m"), 1),
        (errors.ModelError("m"), 1),
        (errors.StateError("m"), 1),
        (errors.TrackingError("m"), 1),
        (errors.AddressError("m"), 1),
        (errors.LabelsMissing("m"), 3),
        (errors.NothingLeft("m"), 4),
    ],
)
def test_each_kind_has_its_exit_code(error, code, capsys):
    assert exit_code_of(raising(error)) == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "error: m\n")


def test_every_error_is_in_the_table():
    def kinds(of):
        return {of}.union(*(kinds(below) for below in of.__subclasses__()))

    # What a room raises besides, with more to tell, is one of these by its exit code.
    assert len([kind for kind in kinds(PrefloopError) if kind.__module__ == errors.__name__]) == 9
    assert {kind.exit_code for kind in kinds(PrefloopError)} == {1, 2, 3, 4}
    assert all(kind.__doc__ for kind in kinds(PrefloopError))


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            OSError(errno.ENOSPC, "No space", "/x"),
            "error: disk full (/x): free some space and run the same command",
        ),
        (OSError(errno.EDQUOT, "Quota"), "error: disk full: free some space"),
        (PermissionError(errno.EACCES, "Denied", "/x"), "error: no permission to write or read (/x): check"),
        (OSError(errno.EROFS, "Read-only", "/x"), "error: no permission to write or read (/x): check"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "/x/y"), "error: Not a directory (/x/y)"),
        (OSError("4096 requested and 0 written"), "error: 4096 requested and 0 written"),
    ],
)
def test_what_the_operating_system_refuses_is_one_line(error, text, capsys):
    assert exit_code_of(raising(error)) == 1
    captured = capsys.readouterr().err
    assert captured.startswith(text)
    assert captured.count("\n") == 1


def test_success_is_zero_and_silent(capsys):
    assert exit_code_of(lambda: None) == 0
    assert capsys.readouterr() == ("", "")


def test_an_interrupt_is_no_traceback(capsys):
    assert exit_code_of(raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "interrupted: run the same command again; finished work is kept\n"


def test_a_defect_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        exit_code_of(raising(ZeroDivisionError()))


def test_a_place_in_a_file_is_named_and_long_values_are_cut():
    assert str(DataError.at("f", 3, "a", "x", "a number")) == "f, row 3, field 'a': got 'x', expected a number"
    assert str(DataError.at("f", None, "a", "x", "y")).startswith("f, field 'a'")
    assert len(str(DataError.at("f", 3, "a", "x" * 1000, "y"))) < 150
