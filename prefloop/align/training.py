"""One round of DPO by TRL, on the very tokens that were sampled."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import PreTrainedTokenizerBase, PrinterCallback
from trl import DPOConfig, DPOTrainer

from prefloop.errors import StateError
from prefloop.rng import Stream, generator


@dataclass(frozen=True)
class Preference:
    """One decided comparison, as tokens.

    Attributes:
        prompt, chosen, rejected: token ids; a completion holds its end token, if it ended.
        reference_chosen, reference_rejected: log pi_ref of the completions, nats.
    """

    prompt: tuple[int, ...]
    chosen: tuple[int, ...]
    rejected: tuple[int, ...]
    reference_chosen: float
    reference_rejected: float


@dataclass(frozen=True)
class Fit:
    """How a policy is trained on all preferences so far.

    Attributes:
        beta: strength of the pull to the reference, > 0.
        learning_rate: constant step size of Adam, > 0.
        epochs: passes over the preferences.
        batch_size: preferences per step.
        device: "cpu", or "cuda" for the first GPU.
    """

    beta: float
    learning_rate: float
    epochs: int
    batch_size: int
    device: str


class _TokenTrainer(DPOTrainer):  # type: ignore[misc]
    """TRL's trainer, fed with tokens and reference log-probabilities instead of texts.

    A text that is decoded and tokenised again may come back as other tokens than were sampled.
    """

    def _prepare_dataset(self, dataset: Dataset, *_: Any, **__: Any) -> Dataset:
        return dataset

    def _precompute_ref_logps(self, dataset: Dataset, *_: Any, **__: Any) -> Dataset:
        return dataset


def train_dpo(
    start: Any,
    tokenizer: PreTrainedTokenizerBase,
    preferences: Sequence[Preference],
    fit: Fit,
    *,
    seed: int,
    round_: int,
) -> tuple[Any, list[float]]:
    """Train a copy of `start` on all preferences with a fresh optimiser.

    Args:
        start: a transformers causal language model: the reference (reset) or the last policy (continue).
        tokenizer: its tokenizer; only its padding token is used.
        preferences: at least one.
        fit: how.
        seed: the run's seed.
        round_: the round; each shuffles anew.

    Returns:
        The trained policy, and the mean DPO loss of each step in nats: ln 2 at the first one when
        `start` is the reference.

    Raises:
        StateError: a loss that is not finite.

    Source: Rafailov et al. 2023 (arXiv 2305.18290), DPO; Muldrew et al. 2024 (arXiv 2402.08114) for the reset.
    """
    policy = copy.deepcopy(start)
    draw = int(generator(seed, round_, Stream.DPO).integers(2**31))
    with tempfile.TemporaryDirectory() as scratch:
        trainer = _TokenTrainer(
            model=policy,
            args=_arguments(fit, draw, scratch),
            train_dataset=_dataset(preferences),
            processing_class=tokenizer,
        )
        trainer.remove_callback(PrinterCallback)  # it prints every step to stdout
        trainer.train()
    losses = [float(entry["loss"]) for entry in trainer.state.log_history if "loss" in entry]
    if not np.isfinite(losses).all():
        raise StateError("the DPO loss is not finite: lower the learning rate")
    return policy.eval(), losses


def _dataset(preferences: Sequence[Preference]) -> Dataset:
    columns = {
        "prompt_ids": [list(p.prompt) for p in preferences],
        "chosen_ids": [list(p.chosen) for p in preferences],
        "rejected_ids": [list(p.rejected) for p in preferences],
        "ref_chosen_logps": [p.reference_chosen for p in preferences],
        "ref_rejected_logps": [p.reference_rejected for p in preferences],
    }
    return Dataset.from_dict(columns)


def _arguments(fit: Fit, seed: int, scratch: str) -> DPOConfig:
    return DPOConfig(
        output_dir=scratch,
        beta=fit.beta,
        learning_rate=fit.learning_rate,
        lr_scheduler_type="constant",
        optim="adamw_torch",
        weight_decay=0.0,
        max_grad_norm=0.0,
        num_train_epochs=fit.epochs,
        per_device_train_batch_size=fit.batch_size,
        max_length=None,
        precompute_ref_log_probs=True,
        gradient_checkpointing=False,
        use_cpu=fit.device == "cpu",
        bf16=False,
        seed=seed,
        data_seed=seed,
        save_strategy="no",
        logging_strategy="steps",
        logging_steps=1,
        report_to=[],
        disable_tqdm=True,
        dataloader_pin_memory=torch.cuda.is_available() and fit.device != "cpu",
    )
