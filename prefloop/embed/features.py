"""Stored features: vectors of all completions and prompts, checked against their manifest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from prefloop.data.prepared import Prepared
from prefloop.errors import StateError
from prefloop.io.arrays import open_array
from prefloop.io.json import read_json

COMPLETIONS, PROMPTS, TARGET = "completions.npy", "prompts.npy", "target.npy"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Features:
    """What the stage embed wrote.

    Attributes:
        completions: float32 [C, D], memory-mapped; row = row of completions.parquet.
        prompts: float32 [Q, D], memory-mapped; row = row of prompts.parquet.
        manifest: model, pooling, lengths, counts, digests and versions (see docs/).
        target: float32 [m, D], memory-mapped, the prompts of the target; None without such a file.
    """

    completions: np.ndarray
    prompts: np.ndarray
    manifest: dict[str, Any]
    target: np.ndarray | None = None


def load_features(folder: Path) -> Features:
    """Open the features below `folder` and check their shapes against the manifest.

    Raises:
        StateError: a file is missing or truncated, or disagrees with the manifest.
    """
    manifest = read_json(folder / MANIFEST)
    try:
        dim, counts = int(manifest["dim"]), (int(manifest["completions"]), int(manifest["prompts"]))
    except (KeyError, TypeError, ValueError):
        raise StateError(f"{folder / MANIFEST} has no sizes: delete {folder} and run the stage embed") from None
    completions = _checked(folder / COMPLETIONS, (counts[0], dim))
    prompts, targets = _checked(folder / PROMPTS, (counts[1], dim)), int(manifest.get("target_prompts", 0))
    return Features(completions, prompts, manifest, _checked(folder / TARGET, (targets, dim)) if targets else None)


def check_ids(features: Features, prepared: Prepared) -> None:
    """Check that the features belong, row for row, to these prepared tables.

    Raises:
        StateError: they were embedded from other tables.
    """
    for name, ids in (("prompt_ids", prepared.prompt_ids), ("completion_ids", prepared.completion_ids)):
        if features.manifest.get(name) != ids_digest(ids):
            raise StateError(
                f"the features belong to other prepared data ({name} differ): run the stage embed again"
            )


def ids_digest(ids: pa.Array) -> str:
    """BLAKE2b-128 of ids in order, one a line."""
    digest = hashlib.blake2b(digest_size=16)
    for first in range(0, len(ids), 65536):
        lines = ids.slice(first, 65536).to_pylist()
        digest.update("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _checked(path: Path, shape: tuple[int, int]) -> np.ndarray:
    array = open_array(path)
    if array.shape != shape or array.dtype != np.float32:
        raise StateError(
            f"{path} holds {array.dtype} {list(array.shape)}, its manifest says float32 {list(shape)}: "
            "delete it and run the stage embed again (dvc repro)"
        )
    return array
