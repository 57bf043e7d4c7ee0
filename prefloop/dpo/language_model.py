"""Causal language model with its tokenizer: tokens in and out, weights to and from files."""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from prefloop.errors import DataError, ModelError, StateError
from prefloop.io.atomic import write_bytes
from prefloop.messages.message import Turns, as_dicts
from prefloop.progress import quiet_transformers


@dataclass(frozen=True)
class LanguageModel:
    """A model and what turns text into its tokens.

    Attributes:
        model: a transformers causal language model, in evaluation mode.
        tokenizer: its tokenizer.
        end: id of the token that ends a completion.
        chat: whether a prompt is put into the tokenizer's chat template.
    """

    model: Any
    tokenizer: Any
    end: int
    chat: bool

    def encode(self, prompt: Turns) -> tuple[int, ...]:
        """Tokens of a prompt, as the model expects them before a completion."""
        if self.chat:
            text = self._render(prompt)
            return tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"])
        # A text that spells a special token is that text, not the token.
        tokens = tuple(self.tokenizer(prompt.plain, split_special_tokens=True)["input_ids"])
        # Some tokenizers end every text: the completion would start after the end.
        return tokens[:-1] if len(tokens) > 1 and tokens[-1] == self.end else tokens

    def _render(self, prompt: Turns) -> str:
        messages = prompt.as_prompt()
        try:
            text = self.tokenizer.apply_chat_template(
                as_dicts(messages), add_generation_prompt=True, tokenize=False
            )
        except Exception as error:  # a template is a program and may raise anything
            roles, reason = ", ".join(message.role for message in messages), " ".join(str(error).split())[:200]
            raise ModelError(
                f"the model's chat template refuses a prompt with messages of the roles {roles} ({reason}): use "
                "another model or other prompts, or set start.chat to false"
            ) from None
        return str(text)

    def decode(self, tokens: tuple[int, ...]) -> str:
        """Text of a completion, without special tokens."""
        return str(self.tokenizer.decode(list(tokens), skip_special_tokens=True))

    def with_model(self, model: Any) -> LanguageModel:
        """The same tokenizer with other weights."""
        return LanguageModel(model, self.tokenizer, self.end, self.chat)


def load_model(folder: Path, *, device: torch.device, chat: bool) -> LanguageModel:
    """Load a model from a folder in transformers' format, in float32.

    Half precision is not offered: steps of DPO's sizes are lost in its rounding.

    Raises:
        ModelError: no such model, no end token, or no chat template where one is wanted.
    """
    try:
        with quiet_transformers():
            model = AutoModelForCausalLM.from_pretrained(
                folder, dtype=torch.float32, local_files_only=True, trust_remote_code=False
            )
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        cause = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{folder} holds no causal language model that transformers can load ({cause}): run the stage sft"
        ) from None
    if tokenizer.eos_token_id is None:
        raise ModelError(f"the tokenizer in {folder} has no end token (eos_token): completions could not end")
    if chat and not tokenizer.chat_template:
        raise ModelError(f"the tokenizer in {folder} has no chat template: set start.chat to false")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    special = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    for name, token in special.items():
        setattr(model.config, name, token)
    # `generate` would mix a model's own settings (repetition penalty, ...) into ours: log pi would be another's.
    model.generation_config = GenerationConfig(**special)
    return LanguageModel(model.to(device).eval(), tokenizer, int(tokenizer.eos_token_id), chat)


def save_model(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write model and tokenizer into a folder in transformers' format."""
    with quiet_transformers():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    for weights in folder.glob("*.safetensors"):  # written for their owner alone, unlike all other files
        weights.chmod((folder / "config.json").stat().st_mode)


def encode_prompts(author: LanguageModel, prompts: list[Turns], max_new_tokens: int) -> list[tuple[int, ...]]:
    """Tokens of prompts, checked to leave room for a completion.

    Raises:
        DataError: a prompt without tokens, or one too long for the model's positions.
    """
    room = getattr(author.model.config, "max_position_embeddings", None)
    encoded = [author.encode(prompt) for prompt in prompts]
    for prompt, tokens in zip(prompts, encoded, strict=True):
        if not tokens:
            raise DataError(f"the prompt {prompt.plain[:60]!r} has no tokens: expected one at least; drop it")
        if room is not None and len(tokens) + max_new_tokens > room:
            raise DataError(
                f"the prompt that begins {prompt.plain[:60]!r} has {len(tokens)} tokens and "
                f"sampling.max_new_tokens is {max_new_tokens}: expected at most {room} together; set "
                "prompts.prefix_words, or lower sampling.max_new_tokens"
            )
    return encoded


def weights_digest(model: Any) -> str:
    """BLAKE2b-128 over the names, shapes, types and bytes of all weights."""
    digest = hashlib.blake2b(digest_size=16)
    for name, tensor in _own_tensors(model).items():
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.contiguous().cpu().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def save_weights(path: Path, model: Any) -> None:
    """Write all weights as one safetensors file, atomically; tied ones once."""
    tensors = {name: tensor.contiguous().cpu() for name, tensor in _own_tensors(model).items()}
    write_bytes(path, safetensors.torch.save(tensors))


def load_weights(path: Path, like: Any) -> Any:
    """A copy of `like` with the weights that `save_weights` wrote.

    Raises:
        StateError: the file is missing, damaged, or of another model.
    """
    try:
        tensors = safetensors.torch.load_file(path)
    except (SafetensorError, OSError) as error:
        raise StateError(f"{path} is damaged ({error})") from None
    model = copy.deepcopy(like)
    if tensors.keys() != _own_tensors(model).keys():
        raise StateError(f"{path} holds other weights than the model has")
    model.load_state_dict(tensors, strict=False)
    return model.eval()


def _own_tensors(model: Any) -> dict[str, torch.Tensor]:
    """Weights by name, ascending; of those that share memory the first."""
    tensors: dict[str, torch.Tensor] = {}
    seen: set[tuple[int, int]] = set()
    for name, tensor in sorted(model.state_dict().items()):
        place = (tensor.data_ptr(), tensor.numel())
        if tensor.numel() and place in seen:
            continue
        seen.add(place)
        tensors[name] = tensor.detach()
    return tensors
