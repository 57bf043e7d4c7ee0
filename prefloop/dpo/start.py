"""Stage `sft`: the start model of active DPO, which is also its reference."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from prefloop.device import resolve_device
from prefloop.dpo.config import Start
from prefloop.dpo.language_model import save_model
from prefloop.dpo.prompt_set import TEST, TRAIN, load_texts
from prefloop.dpo.text_training import TextFit, encode_texts, mean_loss, train_on_texts
from prefloop.dpo.tiny import train_tokenizer, untrained_model
from prefloop.embed.locate import find_model
from prefloop.errors import ConfigError, DataError, ModelError
from prefloop.identity import circumstances
from prefloop.io.atomic import atomic_folder
from prefloop.io.json import write_json
from prefloop.progress import quiet_transformers

log = logging.getLogger("prefloop")


@dataclass(frozen=True)
class _Raw:
    """A model before training on texts, its tokenizer, and where it comes from."""

    model: Any
    tokenizer: Any
    name: str
    revision: str | None


def write_start(config: Start, texts_folder: Path, folder: Path, device: str) -> None:
    """Make the start model and write it as a folder in transformers' format, with start.json.

    Args:
        config: section `start`.
        texts_folder: what `write_prompts` wrote; the texts of its test split are only measured.
        folder: gets the model, whole or not at all.
        device: auto, cpu, cuda or cuda:N.

    Raises:
        ConfigError: no training of a tiny model, or a chat template that it does not have.
        DataError: no texts to train on.
        ModelError: a model that is missing, unreachable, incomplete, or no causal LM with an end token.
        StateError: a damaged table, or a loss that is not finite.
    """
    train, test = load_texts(texts_folder, TRAIN), load_texts(texts_folder, TEST)
    _check(config, train)
    with quiet_transformers():
        raw = _tiny(config, train) if config.source == "tiny" else _given(config)
        about = _fit(raw, config, train, test, resolve_device(device))
        with atomic_folder(folder) as temporary:
            _save(raw, temporary)
            write_json(temporary / "start.json", {"source": config.source} | about)


def _check(config: Start, train: list[str]) -> None:
    if config.source == "tiny" and config.chat:
        raise ConfigError("start.chat: true, but the tiny model has no chat template; expected false")
    if config.source == "tiny" and not config.texts.epochs:
        raise ConfigError("start.texts.epochs: 0 leaves the tiny model untrained; expected at least 1")
    if config.texts.epochs and not train:
        raise DataError(
            "there is no text to train the start model on: give rows with a field text (prompts.files), or set "
            "start.source to model and start.texts.epochs to 0"
        )


def _tiny(config: Start, train: list[str]) -> _Raw:
    tokenizer = train_tokenizer(train, config.tiny.vocabulary)
    return _Raw(untrained_model(config.tiny, tokenizer, config.seed), tokenizer, "tiny", None)


def _given(config: Start) -> _Raw:
    source = find_model(config.model, config.revision, key="start.model")
    try:
        _check_kind(AutoConfig.from_pretrained(source.folder, trust_remote_code=False), source.name)
        tokenizer = AutoTokenizer.from_pretrained(source.folder, trust_remote_code=False)
        model, report = AutoModelForCausalLM.from_pretrained(
            source.folder,
            dtype=torch.float32,
            use_safetensors=True,
            output_loading_info=True,
            trust_remote_code=False,
        )
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelError(f"start.model: {source.name} cannot be loaded ({reason}): give another model") from None
    if absent := sorted(report["missing_keys"]):
        raise ModelError(
            f"start.model: {source.name} lacks {len(absent)} weights (first: {absent[0]}): download it anew"
        )
    _check_tokenizer(tokenizer, model, source.name, config.chat)
    return _Raw(model, tokenizer, source.name, source.revision)


def _check_kind(config: Any, name: str) -> None:
    kinds = config.architectures or ["unknown"]
    if config.is_encoder_decoder or not set(kinds) & set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values()):
        raise ModelError(
            f"start.model: {name} is a {', '.join(kinds)}: expected a causal language model with its output "
            "layer, such as gpt2"
        )


def _check_tokenizer(tokenizer: Any, model: Any, name: str, chat: bool) -> None:
    if tokenizer.eos_token_id is None:
        raise ModelError(
            f"start.model: the tokenizer of {name} has no end token (eos_token), so that no completion could end: "
            "give another model, or set eos_token in its tokenizer_config.json"
        )
    embeddings = int(model.get_input_embeddings().num_embeddings)
    if max(len(tokenizer) - 1, tokenizer.eos_token_id) >= embeddings:
        raise ModelError(
            f"start.model: the tokenizer of {name} has {len(tokenizer)} tokens, its weights know {embeddings}: "
            "expected the model's own tokenizer"
        )
    if chat and not tokenizer.chat_template:
        raise ModelError(f"start.chat: true, but the tokenizer of {name} has no chat template; expected false")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token


def _fit(raw: _Raw, config: Start, train: list[str], test: list[str], device: torch.device) -> dict[str, Any]:
    model = raw.model.to(device).eval()
    room = getattr(model.config, "max_position_embeddings", None)
    if config.texts.epochs and room is not None and config.texts.block > room:
        raise ConfigError(
            f"start.texts.block: got {config.texts.block}, but the model has {room} positions; lower it"
        )
    longest = min(room or config.texts.block, config.texts.block)
    encoded = {TRAIN: encode_texts(raw.tokenizer, train), TEST: encode_texts(raw.tokenizer, test)}
    before = {split: mean_loss(model, tokens, longest) for split, tokens in encoded.items()}
    after = before
    if config.texts.epochs:
        fit = TextFit(config.texts, device.type, config.seed)
        train_on_texts(model, encoded[TRAIN], fit)
        after = {split: mean_loss(model, tokens, longest) for split, tokens in encoded.items()}
    log.info("sft: loss on test texts %s, before %s (nats per token)", after[TEST], before[TEST])
    return {
        "model": raw.name,
        "revision": raw.revision,
        "parameters": int(model.num_parameters()),
        "vocabulary": len(raw.tokenizer),
        "texts": {split: len(tokens) for split, tokens in encoded.items()},
        "train_loss": {"before": before[TRAIN], "after": after[TRAIN]},
        "test_loss": {"before": before[TEST], "after": after[TEST]},
        "versions": circumstances(("tokenizers", "torch", "transformers"))["versions"],
    }


def _save(raw: _Raw, folder: Path) -> None:
    # A model's own settings (top_k, repetition penalty, ...) would change what `generate` samples from.
    raw.model.generation_config = GenerationConfig(
        bos_token_id=raw.tokenizer.bos_token_id,
        eos_token_id=raw.tokenizer.eos_token_id,
        pad_token_id=raw.tokenizer.pad_token_id,
    )
    save_model(raw.model.to("cpu"), raw.tokenizer, folder)
