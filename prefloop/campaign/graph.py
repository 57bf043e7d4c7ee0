"""Graph of a campaign folder: the campaign's part of prefloop's dvc.yaml, and the versions that its stages name.

A folder has copies of both, because DVC reads files of the folder alone. After another prefloop is installed they
may be stale: DVC would then keep outputs that the new code makes otherwise. So stages refuse a stale copy, and
`prefloop campaign renew` (or `run`, by itself) writes it anew.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from prefloop.errors import ConfigError
from prefloop.identity import VERSIONS
from prefloop.io.atomic import write_text
from prefloop.packaged import packaged

GRAPH, COPY = "dvc.yaml", "versions.yaml"
STAGES = ("prepare", "embed", "neighbours", "labels", "train", "evaluate", "acquire")
_NAMED = "prefloop/versions.yaml"
_HEAD = """\
# The stages of a labelling campaign: one `dvc repro` is one round. Written by prefloop, and anew after an upgrade:
# keep stages of your own in another folder. Parameters stand in params.yaml.
#
# prepare -> embed -> neighbours -> train -> evaluate, acquire
#                         labels -/   (snapshot of data/labels/labels.jsonl, checked against data/prepared)
stages:
"""


def graph() -> str:
    """The campaign folder's dvc.yaml, made of the one that comes with prefloop."""
    return campaign_part(packaged(GRAPH).read_text(encoding="utf-8"))


def campaign_part(text: str) -> str:
    """Of a dvc.yaml its campaign's stages, comments kept, for a folder with a copy of the versions."""
    section = re.split(r"^(?=\w)", text.partition("\nstages:\n")[2], flags=re.MULTILINE)[0]
    blocks = {
        block.split(":")[0].strip(): block for block in re.split(r"^(?=  \w+:$)", section, flags=re.MULTILINE)
    }
    stages = "\n".join(blocks[name].rstrip() + "\n" for name in STAGES)
    return _HEAD + stages.replace(_NAMED, COPY)


def is_campaign_folder(folder: Path) -> bool:
    """Whether a folder was made by `prefloop init`; the repository keeps its versions elsewhere."""
    return (folder / COPY).is_file()


def renew(folder: Path) -> list[str]:
    """Write what is stale of a campaign folder's copies.

    Returns:
        Names of the parts whose version has changed, and of the files that were written.

    Raises:
        ConfigError: dvc.yaml would have to be written, and has entries that are not prefloop's.
    """
    if not is_campaign_folder(folder):
        return []
    changed, written = changed_parts(folder), []
    if not _is_current(folder):
        _refuse_others_entries(folder / GRAPH)
        write_text(folder / GRAPH, graph())
        written.append(GRAPH)
    if changed:
        write_text(folder / COPY, VERSIONS.read_text(encoding="utf-8"))
        written.append(COPY)
    return changed + written


def changed_parts(folder: Path) -> list[str]:
    """Parts whose version in a folder's copy is not that of the installed prefloop; all where it is damaged."""
    copy, installed = _read(folder / COPY), _read(VERSIONS)
    return sorted(name for name in {*copy, *installed} if copy.get(name) != installed.get(name))


def refuse_stale(folder: Path) -> None:
    """Let no stage run on the copies of another prefloop.

    Raises:
        ConfigError: the copies are stale.
    """
    if not is_campaign_folder(folder):
        return
    changed = changed_parts(folder)
    if changed or not _is_current(folder):
        what = f"another version of {', '.join(changed)}" if changed else "another dvc.yaml"
        raise ConfigError(
            f"this folder was written by a prefloop with {what}: run prefloop campaign renew, then dvc repro"
        )


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, yaml.YAMLError, UnicodeDecodeError):
        content = None
    return content if isinstance(content, dict) else {}


def _is_current(folder: Path) -> bool:
    """Whether a folder's dvc.yaml has the campaign's stages as the installed prefloop has them."""
    stages = _read(folder / GRAPH).get("stages") or {}
    return all(stages.get(name) == stage for name, stage in yaml.safe_load(graph())["stages"].items())


def _refuse_others_entries(path: Path) -> None:
    content = _read(path)
    others = [key for key in content if key != "stages"]
    others += [f"stages.{name}" for name in content.get("stages") or {} if name not in STAGES]
    if others:
        raise ConfigError(
            f"{path} has entries of your own ({', '.join(others)}): move them to a dvc.yaml in another folder, "
            "then run prefloop campaign renew"
        )
