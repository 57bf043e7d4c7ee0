"""The very encoder that a reward model was trained with, found again from the model's provenance."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefloop.config.data import Embed
from prefloop.embed.encoder import Encoder
from prefloop.embed.load import load_encoder
from prefloop.embed.locate import DEFAULT_MODEL, ModelFolder, find_model
from prefloop.errors import ModelError
from prefloop.identity import declared

_SAME = ("pooling", "normalise", "max_length", "dtype")
_NEEDED = (*_SAME, "model", "revision", "model_digest", "code", "template", "chat_template")
_PLAIN = "{prompt}{completion}"


def load_recorded_encoder(recorded: object, config: Embed) -> Encoder:
    """Load the encoder that the features' manifest describes, without the network.

    Args:
        recorded: the manifest of the features that the reward model was trained on (its provenance's
            key `encoder`).
        config: section `embed` in force. Its device and batch size are used; and its `model`, where that
            is a folder that holds the recorded weights (a manifest keeps no paths). The rest is recorded.

    Raises:
        ModelError: the record is incomplete, the encoder is not here, or its files are not the same.
        ConfigError: a device that is not here.
    """
    return find_recorded_encoder(
        recorded, model=config.model, device=config.device, batch_size=config.batch_size, key="embed.model"
    )


def find_recorded_encoder(recorded: object, *, model: str, device: str, batch_size: int, key: str) -> Encoder:
    """Load the encoder that the features' manifest describes, for users without a section `embed`.

    Args:
        recorded: as above.
        model: a name, or a folder that may hold the recorded weights.
        device, batch_size: as in section `embed`.
        key: the parameter that `model` comes from, for messages.

    Raises:
        ModelError, ConfigError: as above.
    """
    manifest = _complete(recorded)
    source = _find(manifest, model, key)
    # With a chat template, it stands in the tokenizer's files, and the plain one is not used.
    template = _PLAIN if manifest["chat_template"] else manifest["template"]
    same = {name: manifest[name] for name in _SAME}
    here = {"model": model, "revision": None, "template": template, "device": device, "batch_size": batch_size}
    return load_encoder(Embed.model_validate(same | here), source)


def _complete(recorded: object) -> Mapping[str, Any]:
    manifest = recorded if isinstance(recorded, Mapping) else {}
    if missing := [name for name in _NEEDED if name not in manifest]:
        raise ModelError(
            f"the reward model does not say which encoder it was trained with (missing: {', '.join(missing)}): "
            "train it again (dvc repro, or prefloop bench)"
        )
    if manifest["code"] != str(declared()["embed"]):
        raise ModelError(
            f"the reward model was trained on vectors of version {manifest['code']} of the embedding, this is "
            f"version {declared()['embed']}: train it again (dvc repro, or prefloop bench)"
        )
    return manifest


def _find(manifest: Mapping[str, Any], model: str, key: str) -> ModelFolder:
    name, digest = manifest["model"], manifest["model_digest"]
    if Path(model).expanduser().is_dir():
        here = find_model(model, None)
        if here.digest() == digest:
            return here
    if name != DEFAULT_MODEL and manifest["revision"] is None:
        raise ModelError(
            f"the reward model was trained with the encoder in a folder '{name}' (digest {digest}), and "
            f"{key} is {model}: set {key} to that folder and pass the file with --params"
        )
    source = find_model(name, manifest["revision"], offline=True)
    if (came := source.digest()) != digest:
        raise ModelError(
            f"the files of the encoder {name} are not those that the reward model was trained with (digest "
            f"{came}, expected {digest}): restore them, or train again (dvc repro, or prefloop bench)"
        )
    return source
