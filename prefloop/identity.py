"""Identity of a run: declared versions of the parts it uses, its parameters, its inputs, and the libraries.

Source text is no part of it: an edited docstring, or a policy that nobody runs, leaves every finished round
in use. What changes numbers raises the part's version in versions.yaml, which tests/identity enforces.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from prefloop.errors import StateError
from prefloop.io.hashing import text_id
from prefloop.io.json import to_json

_PACKAGE = Path(__file__).resolve().parent
VERSIONS = _PACKAGE / "versions.yaml"

Part = int | str


@cache
def declared() -> dict[str, int]:
    """Every declared version by its part's name, `division` or `batch_policy.bal_pm`."""
    content = yaml.safe_load(VERSIONS.read_text(encoding="utf-8"))
    flat: dict[str, int] = {}
    for name, value in content.items():
        flat |= (
            {f"{name}.{member}": number for member, number in value.items()}
            if isinstance(value, dict)
            else {name: value}
        )
    return flat


def parts(names: Iterable[str], others: dict[str, str] | None = None) -> dict[str, Part]:
    """Versions of some parts, by name in sorted order.

    Args:
        names: declared parts.
        others: identities of parts that are not the project's own, a user's policy for instance, by name.

    Raises:
        StateError: a part without a declared version.
    """
    versions = declared()
    used: dict[str, Part] = dict(others or {})
    for name in names:
        if name not in used:
            if name not in versions:
                raise StateError(f"{name} has no declared version: add it to {VERSIONS.name}")
            used[name] = versions[name]
    return dict(sorted(used.items()))


def libraries(*names: str) -> dict[str, str]:
    """Installed versions of the libraries that decide a run's numbers; nothing is imported for it."""
    return {name: version(name) for name in names}


def fingerprint(decisive: dict[str, Any]) -> str:
    """32 hex digits of all that decides a run's bytes (JSON values by name)."""
    return text_id(to_json(decisive))


def circumstances(libraries_used: Iterable[str]) -> dict[str, Any]:
    """Recorded facts that are no part of a run's identity: versions, and a digest of the package's source."""
    names = sorted({"prefloop", "pyarrow", *libraries_used})
    return {"versions": {"python": platform.python_version(), **libraries(*names)}, "source": _source()}


@cache
def _source() -> str:
    files = sorted(_PACKAGE.rglob("*.py"))
    return text_id(
        *(part for file in files for part in (str(file.relative_to(_PACKAGE)), file.read_text("utf-8")))
    )


def machine(device: str, threads: int) -> dict[str, Any]:
    """What of the machine decides last bits, and with them choices: the device, and threads that add up in parts.

    Args:
        device: as in the parameters; `auto` is resolved.
        threads: as in the parameters, 0 = as many as PyTorch takes.
    """
    from prefloop.device import device_name

    return {"device": device_name(device), "threads": threads or _all_threads()}


def _all_threads() -> int:
    import torch

    return torch.get_num_threads()
