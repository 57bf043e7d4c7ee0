"""Functions from outside the package: in a file of the user's own, or in an installed distribution.

`my_policy.py:choose` names a function in a file; a plain name is looked up among the entry points of a group.
Its parameters are its attribute `Parameters`, or the class `Parameters` beside it, or it has none.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from prefloop.errors import ConfigError, PrefloopError
from prefloop.section import NoParameters


@dataclass(frozen=True)
class Plugin:
    """A function from outside.

    Attributes:
        name: its full name in a parameter file, with an absolute path.
        function: the function.
        parameters: the class of its parameters.
        module: where it stands.
        identity: `sha:` and the digest of its file, or `version:` and what the file or distribution declares.
    """

    name: str
    function: Callable[..., Any]
    parameters: type[BaseModel]
    module: ModuleType
    identity: str


def find_plugin(name: str, group: str) -> Plugin | None:
    """The function of that name, or None where no installed distribution has it.

    Args:
        name: FILE.py:FUNCTION, the path relative to the working directory or absolute; or an entry point.
        group: the entry points' group, for instance prefloop.policies.

    Raises:
        ConfigError: a file that is missing or cannot be imported, or has no such function; parameters that are
            no pydantic class.
    """
    if is_file_reference(name):
        path, _, function = name.rpartition(":")
        return _from_file(Path(path).resolve(), function)
    entry = next((entry for entry in entry_points(group=group) if entry.name == name), None)
    return None if entry is None else _from_entry(entry)


def content_identity(name: str, group: str) -> str | None:
    """Part of a run's identity that stands for a function from outside: a declared version, or a digest.

    Args:
        name: as in the parameters in force.
        group: the entry points' group.

    Returns:
        `version:` and the file's VERSION or its distribution's version, else `sha:` and the digest of the file;
        None where nobody outside has it: built-in parts declare their versions in prefloop/versions.yaml.

    Raises:
        ConfigError: as `find_plugin`.
    """
    plugin = find_plugin(name, group)
    return None if plugin is None else plugin.identity


def is_file_reference(name: str) -> bool:
    """Whether a name has the form FILE.py:FUNCTION."""
    path, colon, _ = name.rpartition(":")
    return bool(colon) and path.endswith(".py")


def run_plugin(what: str, plugin: Plugin, *arguments: Any) -> Any:
    """Call a plugin's function; an exception that it lets through is told with file and line.

    Raises:
        ConfigError: it raised something that is no error of prefloop's.
    """
    try:
        return plugin.function(*arguments)
    except PrefloopError:
        raise
    except Exception as error:
        raise ConfigError(f"{what} '{plugin.name}' failed: {_place(error, plugin.module.__file__)}") from error


def _from_file(path: Path, function: str) -> Plugin:
    if not path.is_file():
        raise ConfigError(f"{path} is missing: give FILE.py:FUNCTION with an existing file")
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    module = _imported(path, digest, content)
    version = getattr(module, "VERSION", None)
    if version is not None and not isinstance(version, int):
        raise ConfigError(f"{path}: got VERSION = {version!r}; expected an integer")
    identity = f"sha:{digest}" if version is None else f"version:{version}"
    return _plugin(f"{path}:{function}", module, function, identity)


def _from_entry(entry: EntryPoint) -> Plugin:
    try:
        module = importlib.import_module(entry.module)
    except Exception as error:
        raise ConfigError(f"entry point '{entry.name}' ({entry.value}): {_place(error, None)}") from error
    version = entry.dist.version if entry.dist is not None else "unknown"
    return _plugin(entry.name, module, entry.attr, f"version:{version}")


@lru_cache(maxsize=64)
def _imported(path: Path, digest: str, content: bytes) -> ModuleType:
    # Under a name of its own, so that two files called alike are two modules; anew when the content has changed.
    name = f"prefloop_file_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}_{digest[:12]}"
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    try:
        # Not by a loader: its byte code on disk is taken for that of a file of the same second and size.
        exec(compile(content, str(path), "exec"), module.__dict__)
    except Exception as error:
        del sys.modules[name]
        raise ConfigError(f"{path} cannot be imported: {_place(error, str(path))}") from error
    return module


def _plugin(name: str, module: ModuleType, attribute: str, identity: str) -> Plugin:
    function = getattr(module, attribute, None)
    if not callable(function) or isinstance(function, type):
        there = ", ".join(
            key
            for key, value in vars(module).items()
            if inspect.isfunction(value) and value.__module__ == module.__name__ and not key.startswith("_")
        )
        raise ConfigError(f"{module.__file__} has no function '{attribute}'; it has: {there or 'none'}")
    parameters = getattr(function, "Parameters", getattr(module, "Parameters", NoParameters))
    if not (isinstance(parameters, type) and issubclass(parameters, BaseModel)):
        raise ConfigError(f"{module.__file__}: Parameters is {parameters!r}; expected a pydantic class")
    return Plugin(name, function, parameters, module, identity)


def _place(error: Exception, file: str | None) -> str:
    """File, line and what was raised; the innermost line of the user's own file."""
    said = f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError) and error.filename == file:
        return f"line {error.lineno}: {type(error).__name__}: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    in_file = [frame for frame in frames if frame.filename == file]
    place = (in_file or frames)[-1]
    return f"{'' if in_file else f'{place.filename}, '}line {place.lineno}: {said}"
