"""Language modelling on whole texts: pre-training of the tiny model, fine-tuning of any other."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    default_data_collator,
)

from prefloop.dpo.config import Texts
from prefloop.dpo.logprobs import completion_logprobs
from prefloop.errors import StateError
from prefloop.progress import Progress
from prefloop.rng import Stream, generator

# Texts that a loss is measured on, and how many at once.
_MEASURED, _BATCH = 512, 32
_TOKENISED = 1000
_LEFT_OUT = -100


@dataclass(frozen=True)
class TextFit:
    """How texts are trained on.

    Attributes:
        texts: passes, step size and blocks.
        device: the device's type: "cpu" or "cuda".
        seed: seed of the order of blocks.
    """

    texts: Texts
    device: str
    seed: int


def encode_texts(tokenizer: Any, texts: Sequence[str]) -> list[np.ndarray]:
    """Token ids of each text, int32, as the tokenizer begins it and with its end token at the end."""
    end = tokenizer.eos_token_id
    encoded: list[np.ndarray] = []
    for start in range(0, len(texts), _TOKENISED):
        part = list(texts[start : start + _TOKENISED])
        # A text that spells a special token is that text, as in a prompt.
        for tokens in tokenizer(part, verbose=False, split_special_tokens=True)["input_ids"]:
            whole = tokens if tokens[-1:] == [end] else [*tokens, end]
            encoded.append(np.array(whole, dtype=np.int32))
    return encoded


def pack(encoded: Sequence[np.ndarray], length: int) -> tuple[np.ndarray, np.ndarray]:
    """Put whole texts one after another into blocks; one that is longer than a block is cut into several.

    A block begins where a text begins, as a prompt does: a small model learns faster so than from a
    stream that is cut anywhere.

    Args:
        encoded: token ids of the texts.
        length: tokens of a block.

    Returns:
        Tokens and labels, int64 [n, length]; behind the last text of a block both are filled up, the
        labels with -100, which the loss leaves out.
    """
    pieces = [tokens[start : start + length] for tokens in encoded for start in range(0, len(tokens), length)]
    rows, columns, row, used = [], [], -1, length
    for piece in pieces:
        if used + len(piece) > length:
            row, used = row + 1, 0
        rows.append(row)
        columns.append(used)
        used += len(piece)
    tokens = np.zeros((row + 1, length), dtype=np.int64)
    labels = np.full((row + 1, length), _LEFT_OUT, dtype=np.int64)
    for at, column, piece in zip(rows, columns, pieces, strict=True):
        place = slice(column, column + len(piece))
        tokens[at, place] = labels[at, place] = piece
    return tokens, labels


def train_on_texts(model: Any, encoded: Sequence[np.ndarray], fit: TextFit) -> None:
    """Train a model in place on texts, several whole ones in a block.

    The step size rises for a twentieth of the steps and then falls to 0 along a cosine.

    Args:
        model: a transformers causal language model.
        encoded: token ids of the texts, each with its end token.
        fit: how.

    Raises:
        StateError: a loss that is not finite.
    """
    blocks, labels = pack(encoded, fit.texts.block)
    use_cache = model.config.use_cache
    with tempfile.TemporaryDirectory() as scratch:
        trainer = Trainer(
            model=model,
            args=_arguments(fit, scratch),
            train_dataset=Dataset.from_dict({"input_ids": blocks, "labels": labels}),
            data_collator=default_data_collator,
        )
        trainer.remove_callback(PrinterCallback)  # it prints to stdout
        with Progress("sft: training on texts", fit.texts.epochs * len(blocks), "blocks") as progress:
            trainer.add_callback(_Bar(progress, fit.texts.batch_size))
            result = trainer.train()
    if not np.isfinite(result.training_loss):
        raise StateError("the loss on texts is not finite: lower start.texts.learning_rate")
    model.config.use_cache = use_cache  # the trainer turns it off for good, and generation needs it
    model.eval()


def mean_loss(model: Any, encoded: Sequence[np.ndarray], longest: int) -> float | None:
    """Mean negative log-probability of the tokens of some texts after their first one, nats per token.

    Args:
        model: a transformers causal language model.
        encoded: token ids; the first few hundred texts count.
        longest: tokens of a text at most; the rest is left out.

    Returns:
        The loss, or None where there is no text.
    """
    texts = [tokens[:longest].tolist() for tokens in encoded[:_MEASURED] if len(tokens) > 1]
    if not texts:
        return None
    summed = completion_logprobs(model, [t[:1] for t in texts], [t[1:] for t in texts], _BATCH)
    return float(-summed.sum() / sum(len(tokens) - 1 for tokens in texts))


class _Bar(TrainerCallback):  # type: ignore[misc]
    def __init__(self, progress: Progress, blocks: int) -> None:
        self._progress, self._blocks = progress, blocks

    def on_step_end(self, _a: TrainingArguments, _s: TrainerState, _c: TrainerControl, **_: Any) -> None:
        self._progress.add(self._blocks)


def _arguments(fit: TextFit, scratch: str) -> TrainingArguments:
    draw = int(generator(fit.seed, 0, Stream.TEXTS, 2).integers(2**31))
    arguments = TrainingArguments(
        output_dir=scratch,
        num_train_epochs=fit.texts.epochs,
        learning_rate=fit.texts.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=0.05,
        optim="adamw_torch",
        per_device_train_batch_size=fit.texts.batch_size,
        use_cpu=fit.device == "cpu",
        seed=draw,
        data_seed=draw,
        save_strategy="no",
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
        dataloader_pin_memory=torch.cuda.is_available() and fit.device != "cpu",
    )
    arguments._n_gpu = min(arguments.n_gpu, 1)  # with several visible ones the trainer would use them all
    return arguments
