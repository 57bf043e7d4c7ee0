"""Campaign folder: all that a labelling campaign needs, outside the repository; written by `prefloop init`."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from prefloop.campaign.graph import COPY, GRAPH, graph
from prefloop.config import packaged_params, parse_params
from prefloop.config.edit import with_values
from prefloop.data.readers.check_report import CheckReport
from prefloop.errors import ConfigError
from prefloop.identity import VERSIONS
from prefloop.io.layout import Layout

PARAMS = "params.yaml"
_TEMPLATE = Path(__file__).resolve().parent / "template"
_HIDDEN = ("gitignore", "gitattributes", "dvcignore")
# A first batch of so many leaves eight batches or more of a small pool.
_BATCHES = 8
# Prompts from which a test split is worth its pairs.
_MIN_PROMPTS = 40


@dataclass(frozen=True)
class Sizes:
    """Comparisons in the first and in each further batch; None is by the size of the pool."""

    initial: int | None = None
    batch: int | None = None


def campaign_changes(data: Path | None, report: CheckReport | None, sizes: Sizes) -> dict[str, Any]:
    """What a campaign's parameters have other than the packaged ones, by dotted key.

    Args:
        data: the preference file or folder of shards; it will lie in data/raw under its name.
        report: what its check says.
        sizes: wanted batch sizes.
    """
    changes: dict[str, Any] = {"data.source": "files", "benchmark.policies": [], "campaign.audit": 0.2}
    pairs = None
    if data is not None and report is not None:
        test = test_share(report)
        changes |= {"data.files": [{"path": data.name}], "data.split.test": test}
        pairs = round(comparisons(report) * (1 - test))
    return changes | batches(pairs, sizes)


def campaign_params(changes: Mapping[str, Any]) -> str:
    """The packaged parameter file with a campaign's changes."""
    return with_values(packaged_params().read_text(encoding="utf-8"), changes)


def batches(pairs: int | None, sizes: Sizes) -> dict[str, int]:
    """Batch sizes that a pool can fill eight times, and a buffer of a quarter so that nobody waits for a model.

    Args:
        pairs: comparisons in the pool, None where it is not known.
        sizes: wanted sizes, taken as they are.
    """
    usual = 64 if pairs is None else max(1, min(64, pairs // _BATCHES))
    initial, batch = sizes.initial or usual, sizes.batch or usual
    buffer = min(initial, batch) // 4
    return {"campaign.initial": initial, "campaign.batch": batch, "campaign.buffer": buffer}


def comparisons(report: CheckReport) -> int:
    """Comparisons that a file offers: its pairs, and one a prompt where it lists answers."""
    counts = report.counts
    return int(counts["pairs"]) or int(counts["prompts"])


def has_answers(report: CheckReport) -> bool:
    """Whether anybody has judged anything in a file: a verdict, or scores of answers."""
    counts = report.counts
    return bool(counts["scored"]) or any(count for word, count in counts["verdicts"].items() if word != "none")


def test_share(report: CheckReport) -> float:
    """Share of the prompts for the test split: none where nothing could be scored on it.

    Without answers all pairs can be labelled, and the audit slice says how good the model is.
    """
    return 0.25 if has_answers(report) and report.counts["prompts"] >= _MIN_PROMPTS else 0.0


def write_folder(folder: Path, text: str, data: Path | None) -> None:
    """Write a campaign folder, whole or not at all.

    Args:
        folder: where; missing, or an empty folder.
        text: its params.yaml.
        data: a preference file, or a folder of shards, to be copied to data/raw.

    Raises:
        ConfigError: the folder is not empty or lies within the data, a value is out of range, or git or DVC
            refused it.
    """
    if data is not None:
        refuse_within(folder, data)
    parse_params(yaml.safe_load(text), PARAMS)
    with _new_folder(folder) as new:
        _write_files(new, text)
        if data is not None:
            copied = new / "data" / "raw" / data.name
            (shutil.copytree if data.is_dir() else shutil.copyfile)(data, copied)
        _version_control(new, folder)


def refuse_unusable(folder: Path) -> None:
    """Refuse a place that holds anything.

    Raises:
        ConfigError: it does, or it is no folder.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file: give a folder that is not there yet")
    if folder.is_dir() and (there := sorted(os.listdir(folder))):
        raise ConfigError(
            f"{folder} is not empty (it has {there[0]}): give a folder that is not there yet, or empty"
        )


def refuse_within(folder: Path, data: Path) -> None:
    """Refuse a place within the data, which would be copied into itself.

    Raises:
        ConfigError: it is.
    """
    if data.is_dir() and folder.resolve().is_relative_to(data.resolve()):
        raise ConfigError(f"{folder} lies within the data, {data}: give a folder beside it")


def _write_files(new: Path, text: str) -> None:
    layout = Layout(new / "data", new / ".prefloop")
    for path in (layout.labels, layout.data / "raw" / ".gitkeep"):
        path.parent.mkdir(parents=True)
        path.touch()
    layout.campaign.mkdir()
    (new / PARAMS).write_text(text, encoding="utf-8")
    (new / GRAPH).write_text(graph(), encoding="utf-8")
    shutil.copyfile(VERSIONS, new / COPY)
    shutil.copyfile(_TEMPLATE / "README.md", new / "README.md")
    for name in _HIDDEN:
        shutil.copyfile(_TEMPLATE / name, new / f".{name}")


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A folder that is filled beside its place and then put there; in one that exists, its entries are."""
    refuse_unusable(folder)
    folder = folder.resolve()
    there = folder.exists()
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = (folder if there else folder.parent) / f".{folder.name}.{os.getpid()}.tmp"
    new.mkdir()
    try:
        yield new
        if there:
            # The parameters last: without them no command takes the folder for a campaign.
            for entry in sorted(new.iterdir(), key=lambda path: path.name == PARAMS):
                os.rename(entry, folder / entry.name)
        else:
            os.rename(new, folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _version_control(new: Path, folder: Path) -> None:
    """git and DVC: a repository of its own, unless one is around it; DVC alone where git is missing."""
    git = shutil.which("git")
    within = git is not None and _git(new, "rev-parse", "--is-inside-work-tree") and not _is_ignored(new, folder)
    if git is not None and not within and not _git(new, "init", "--quiet"):
        git = None
    _init_dvc(new, subdir=within, scm=git is not None)


def _init_dvc(new: Path, subdir: bool, scm: bool) -> None:
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.WARNING)
    try:
        with Repo.init(str(new), no_scm=not scm, subdir=subdir) as repo, repo.config.edit("repo") as config:
            config["core"] |= {"analytics": False, "autostage": False, "check_update": False}
    except DvcException as error:
        raise ConfigError(f"{new}: DVC cannot be set up there ({error})") from None


def _is_ignored(new: Path, folder: Path) -> bool:
    return _git(new.parent, "check-ignore", "--quiet", str(folder.resolve()))


def _git(folder: Path, *arguments: str) -> bool:
    """Whether git says yes; it asks nobody and reads nothing from the terminal."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=os.environ | {"GIT_TERMINAL_PROMPT": "0"},
        check=False,
    )
    return done.returncode == 0 and done.stdout.strip() != "false"
