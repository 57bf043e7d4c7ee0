"""Which device the tensors live on."""

from __future__ import annotations

import torch

from prefloop.errors import ConfigError


def set_threads(count: int) -> None:
    """Let PyTorch use so many threads, 0 for its own choice; other threads give other last bits."""
    if count:
        torch.set_num_threads(count)


def resolve_device(name: str) -> torch.device:
    """Turn `auto`, `cpu`, `cuda` or `cuda:N` into a device; auto takes CUDA where there is one.

    Raises:
        ConfigError: a CUDA device was asked for that is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(f"device {name}: {torch.cuda.device_count()} CUDA devices here; set it to auto or cpu")
    return device
