"""Environment checks and run-time estimates, measured on this machine."""

from __future__ import annotations

import shutil
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import torch

from prefloop.config import Params
from prefloop.data.prepared import load_prepared
from prefloop.device import resolve_device
from prefloop.embed.features import load_features
from prefloop.embed.load import load_encoder
from prefloop.errors import PrefloopError
from prefloop.io.layout import Layout
from prefloop.reward.inputs import Comparisons, FitInputs
from prefloop.reward.registry import fit_model

PACKAGES = ("torch", "transformers", "datasets", "hnswlib", "mlflow", "dvc", "typer", "pyarrow", "numpy")
_PROBE_TEXTS, _PROBE_LABELS = 64, 400
_GIB = 2**30


class Check(NamedTuple):
    """One line of the doctor's report."""

    name: str
    ok: bool
    detail: str


def examine(params: Params, layout: Layout) -> list[Check]:
    """Check the environment and estimate the configured run.

    Args:
        params: parameters in force.
        layout: where outputs lie or would lie.

    Returns:
        All checks, the failed ones included.
    """
    checks = [_environment(), _device(params)]
    size = _Size.of(params, layout)
    return [*checks, _disk(size), _memory(size), _encoder(params, size), _training(params, size)]


class _Size(NamedTuple):
    """How large the configured run is: measured where the stages have run, else from the parameters."""

    completions: int
    prompts: int
    dim: int
    is_prepared: bool

    @classmethod
    def of(cls, params: Params, layout: Layout) -> _Size:
        try:
            prepared = load_prepared(layout.prepared)
            completions, prompts, is_prepared = len(prepared.completion_ids), len(prepared.prompt_ids), True
        except PrefloopError:
            example, is_prepared = params.data.example, False
            is_example = params.data.source == "example"
            completions = 2 * (example.pairs + example.ood_pairs) if is_example else 0
            prompts = example.prompts if is_example else 0
        try:
            dim = load_features(layout.features).completions.shape[1]
        except PrefloopError:
            dim = 384
        return cls(completions, prompts, dim, is_prepared)

    @property
    def array_bytes(self) -> int:
        return 4 * self.dim * (self.completions + self.prompts)

    def __str__(self) -> str:
        if not self.completions:
            return "a data set of unknown size (prepare has not run)"
        about = "" if self.is_prepared else " (from the parameters: prepare has not run)"
        return f"{self.completions} completions, {self.prompts} prompts{about}"


def _environment() -> Check:
    present, missing = [f"Python {sys.version.split()[0]}"], []
    for name in PACKAGES:
        try:
            present.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    detail = f"missing: {', '.join(missing)}; run make demo" if missing else ", ".join(present)
    return Check("environment", sys.version_info >= (3, 11) and not missing, detail)


def _device(params: Params) -> Check:
    try:
        embed, train = resolve_device(params.embed.device), resolve_device(params.benchmark.device)
    except PrefloopError as error:
        return Check("device", False, str(error))
    return Check(
        "device", True, f"embedding on {embed}, training on {train}, {torch.get_num_threads()} CPU threads"
    )


def _disk(size: _Size) -> Check:
    # Features, their copy in DVC's cache, and the cache of single vectors.
    needed, free = 3 * size.array_bytes, shutil.disk_usage(Path.cwd()).free
    detail = f"{free / _GIB:.1f} GiB free, about {needed / _GIB:.2f} GiB needed for the vectors of {size}"
    return Check("disk", free > needed + _GIB, detail)


def _memory(size: _Size) -> Check:
    needed, free = 2 * size.array_bytes + _GIB, psutil.virtual_memory().available
    return Check("memory", free > needed, f"{free / _GIB:.1f} GiB available, about {needed / _GIB:.1f} GiB needed")


def _encoder(params: Params, size: _Size) -> Check:
    try:
        encoder = load_encoder(params.embed)
    except PrefloopError as error:
        return Check("encoder", False, str(error))
    length = min(64, params.embed.max_length)
    texts = [[1] * length for _ in range(_PROBE_TEXTS)]
    encoder.vectors(texts[:8])
    start = time.perf_counter()
    encoder.vectors(texts)
    rate = _PROBE_TEXTS / (time.perf_counter() - start)
    minutes = (size.completions + size.prompts) / rate / 60
    detail = f"{params.embed.model}: {rate:.0f} texts/s of {length} tokens, about {minutes:.1f} min for {size}"
    return Check("encoder", True, detail)


def _training(params: Params, size: _Size) -> Check:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((2 * _PROBE_LABELS, size.dim)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    # A utility to learn, so that members train about as long as on real comparisons.
    utility = (features @ rng.standard_normal(size.dim)).reshape(2, _PROBE_LABELS)
    rows = np.arange(2 * _PROBE_LABELS).reshape(2, _PROBE_LABELS)
    first = utility[0] > utility[1]
    pairs = Comparisons(np.where(first, rows[0], rows[1]), np.where(first, rows[1], rows[0]))
    try:
        device = resolve_device(params.benchmark.device)
    except PrefloopError as error:
        return Check("training", False, str(error))
    inputs = FitInputs(
        features,
        pairs,
        seed=0,
        round_=0,
        validation=None,
        moments=lambda: (np.zeros(size.dim), np.ones(size.dim)),
        device=device,
        groups=np.arange(_PROBE_LABELS),
    )
    start = time.perf_counter()
    fit_model(params.reward, inputs)
    per_label = (time.perf_counter() - start) / _PROBE_LABELS
    config = params.benchmark
    runs = len(config.policies) * len(config.seeds)
    labels = sum(config.initial + number * config.batch for number in range(config.rounds))
    minutes = per_label * labels * runs / 60
    detail = (
        f"{runs} runs of {config.rounds} rounds up to {config.budget} labels: about {minutes:.1f} min of training"
    )
    return Check("training", True, detail)
