"""Loader of the configured model onto its device."""

from __future__ import annotations

from typing import Any

import torch
from safetensors import SafetensorError

from prefloop.config.data import Embed
from prefloop.device import resolve_device
from prefloop.embed.encoder import Encoder
from prefloop.embed.locate import ModelFolder, find_model
from prefloop.errors import ConfigError, ModelError
from prefloop.progress import quiet_transformers

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def load_encoder(config: Embed, source: ModelFolder | None = None) -> Encoder:
    """Load the configured model and its tokenizer.

    Args:
        config: section `embed`.
        source: where the model lies; None: to be found by `config.model`.

    Raises:
        ModelError: missing, altered, incomplete or of a kind that cannot be used.
        ConfigError: a device that is not here, or a length beyond the model's positions.
    """
    device = resolve_device(config.device)
    source = source or find_model(config.model, config.revision)
    with quiet_transformers():
        from transformers import AutoConfig, AutoModel, AutoTokenizer

        try:
            if AutoConfig.from_pretrained(source.folder, trust_remote_code=False).is_encoder_decoder:
                raise ModelError(f"{source.name} is an encoder-decoder model: expected an encoder or a causal LM")
            tokenizer = AutoTokenizer.from_pretrained(source.folder, trust_remote_code=False)
            model, report = AutoModel.from_pretrained(
                source.folder,
                dtype=_DTYPES[config.dtype],
                use_safetensors=True,
                output_loading_info=True,
                trust_remote_code=False,
            )
        except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
            reason = " ".join(str(error).split())[:300]
            raise ModelError(
                f"embed.model: {source.name} cannot be loaded ({reason}): give another model"
            ) from None
    # A head for pooling is not used here, and many published encoders come without one.
    absent = sorted(name for name in report["missing_keys"] if "pooler" not in name)
    if absent:
        raise ModelError(
            f"embed.model: {source.name} lacks {len(absent)} weights (first: {absent[0]}): download it anew"
        )
    _check_length(config.max_length, model)
    return Encoder(source, config, model, tokenizer, device)


def _check_length(max_length: int, model: Any) -> None:
    limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    table = getattr(getattr(model, "embeddings", None), "position_embeddings", None)
    padding = getattr(table, "padding_idx", None)
    if limit is not None and padding is not None:
        limit -= padding + 1  # RoBERTa's kind numbers positions from behind the padding index
    if limit is not None and max_length > limit:
        raise ConfigError(f"embed.max_length: got {max_length}, but the model has {limit} positions; lower it")
