"""Arrays as memory-mapped `.npy`, weights as safetensors, tables as Parquet."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as safetensors_bytes

from prefloop.errors import StateError
from prefloop.io.atomic import atomic_path, write_bytes
from prefloop.io.blocks import write_blocks
from prefloop.io.json import to_json

_REMEDY = "delete it and run the stage that writes it again (dvc repro)"


def write_array(path: Path, array: np.ndarray) -> None:
    """Write one array as `.npy`, atomically."""
    with atomic_path(path) as temporary:
        write_blocks(temporary, array.shape, array.dtype.str, [array])


def open_array(path: Path, mmap: bool = True) -> np.ndarray:
    """Open a `.npy` array, memory-mapped read-only unless `mmap` is false.

    Raises:
        StateError: missing or truncated file.
    """
    try:
        array: np.ndarray = np.load(path, mmap_mode="r" if mmap else None, allow_pickle=False)
    except FileNotFoundError:
        raise StateError(f"{path} is missing: run the stage that writes it (dvc repro)") from None
    except (ValueError, EOFError) as error:
        raise StateError(f"{path} is damaged ({error}): {_REMEDY}") from None
    return array


def write_table(path: Path, table: pa.Table) -> None:
    """Write one Parquet file (zstd), atomically."""
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_table(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Read a Parquet file, or only the given columns of it.

    Raises:
        StateError: missing or damaged file.
    """
    try:
        return pq.read_table(path, columns=columns)
    except FileNotFoundError:
        raise StateError(f"{path} is missing: run the stage that writes it (dvc repro)") from None
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise StateError(f"{path} is damaged ({' '.join(str(error).split())[:200]}): {_REMEDY}") from None


def write_tensors(path: Path, tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
    """Write named arrays and string metadata as one safetensors file, atomically.

    The bytes depend on nothing but the content. safetensors writes several metadata keys in an
    order of its own, another in every process; so they go into one key, as JSON.
    """
    ordered = {name: np.ascontiguousarray(tensors[name]) for name in sorted(tensors)}
    write_bytes(path, safetensors_bytes(ordered, {"prefloop": to_json(metadata)}))


def read_tensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read what `write_tensors` wrote.

    Raises:
        StateError: missing or damaged file.
    """
    try:
        with safe_open(path, framework="numpy") as handle:
            metadata: dict[str, str] = json.loads((handle.metadata() or {}).get("prefloop", "{}"))
            names = list(handle.keys())
            return {name: handle.get_tensor(name) for name in names}, metadata
    except FileNotFoundError:
        raise StateError(f"{path} is missing: run the stage that writes it (dvc repro)") from None
    except SafetensorError as error:
        raise StateError(f"{path} is damaged ({error}): {_REMEDY}") from None
