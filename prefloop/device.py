"""Device of the tensors, and threads of PyTorch."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

from prefloop.errors import ConfigError

if TYPE_CHECKING:
    import torch


def set_threads(count: int) -> None:
    """Let PyTorch use so many threads, 0 for its own choice; other threads give other last bits."""
    import torch

    if count:
        torch.set_num_threads(count)


def resolve_device(name: str) -> torch.device:
    """Turn `auto`, `cpu`, `cuda` or `cuda:N` into a device; auto takes CUDA where there is one.

    Raises:
        ConfigError: a CUDA device was asked for that is not there.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(f"device {name}: {torch.cuda.device_count()} CUDA devices here; set it to auto or cpu")
    return device


def device_name(name: str) -> str:
    """The resolved device as text; PyTorch is loaded only where the answer needs it."""
    if name == "cpu" or (name == "auto" and not _has_cuda_driver()):
        return "cpu"
    return str(resolve_device(name))


def _has_cuda_driver() -> bool:
    for library in ("libcuda.so.1", "nvcuda.dll"):
        try:
            ctypes.CDLL(library)
        except OSError:
            continue
        return True
    return False
