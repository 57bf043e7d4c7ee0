"""Training of one round: DPO by TRL, on the very tokens that were sampled."""

from __future__ import annotations

import copy
import math
import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import PreTrainedTokenizerBase, PrinterCallback
from transformers.pytorch_utils import Conv1D
from trl import DPOConfig, DPOTrainer
from trl.trainer import utils as trl_utils

from prefloop.dpo.config import Lora, Train
from prefloop.errors import ConfigError, StateError
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


def train_dpo(
    start: Any,
    tokenizer: PreTrainedTokenizerBase,
    preferences: Sequence[Preference],
    config: Train,
    *,
    seed: int,
    round_: int,
) -> tuple[Any, list[float]]:
    """Train a copy of `start` on all preferences with a fresh optimiser, where `start` is: CPU or GPU.

    Args:
        start: a transformers causal language model: the reference (reset) or the last policy (continue).
        tokenizer: its tokenizer; only its padding token is used.
        preferences: at least one.
        config: how. `micro_batch_size` decides about memory, not results (but for last bits); `mode` is
            the caller's: it chose `start`.
        seed: the run's seed.
        round_: the round; each shuffles anew.

    Returns:
        The trained policy: `start` with other weights, into which the adapters, if any, are merged; and the
        mean DPO loss of each step in nats: ln 2 at the first one when `start` is the reference.

    Raises:
        ConfigError: adapters for modules that the model doesn't have, or a GPU other than the first.
        StateError: a loss that is not finite.

    Source: Rafailov et al. 2023 (arXiv 2305.18290), DPO; Muldrew et al. 2024 (arXiv 2402.08114) for the
    reset; Hu et al. 2021 (arXiv 2106.09685) for the adapters.
    """
    policy = copy.deepcopy(start)
    trl_utils.disable_dropout_in_model(policy)  # here, because TRL would disable the adapters' too
    draw = int(generator(seed, round_, Stream.DPO).integers(2**31))
    with tempfile.TemporaryDirectory() as scratch, _global_random_state_kept(), _narrow_buffers(policy):
        trainer = _TokenTrainer(
            model=policy,
            args=_arguments(config, start.device, draw, scratch),
            train_dataset=_dataset(preferences),
            processing_class=tokenizer,
            peft_config=None if config.lora is None else _adapters(config.lora, policy),
        )
        trainer.remove_callback(PrinterCallback)  # it prints to stdout
        trainer.train()
    weights = (trainer.model if config.lora is None else trainer.model.merge_and_unload()).state_dict()
    # Not the trained object: TRL gave it a forward that goes on using this object's weights in any copy of it.
    trained = copy.deepcopy(start)
    trained.load_state_dict(weights)
    del policy.forward  # it refers to the model, whose memory would stay until garbage is collected
    return trained, trainer.losses


class _TokenTrainer(DPOTrainer):  # type: ignore[misc]
    """TRL's trainer, fed with tokens and reference log-probabilities instead of texts.

    A text that is decoded and tokenised again may come back as other tokens than were sampled.

    Attributes:
        losses: the mean DPO loss of each step, nats.
    """

    def __init__(self, **options: Any) -> None:
        self.losses: list[float] = []
        self._in_step = self._parts = 0
        super().__init__(**options)
        # It collects garbage, a quarter of a second, for the sake of earlier models; they are gone.
        self.accelerator.free_memory = lambda: ()

    def _prepare_dataset(self, dataset: Dataset, *_: Any, **__: Any) -> Dataset:
        return dataset

    def _precompute_ref_logps(self, dataset: Dataset, *_: Any, **__: Any) -> Dataset:
        return dataset

    def _send_telemetry(self) -> None:
        """Nobody is told what is trained here."""

    def floating_point_ops(self, inputs: Any) -> int:
        """Nobody reads it, and counting takes longer than some steps' arithmetic."""
        return 0

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Losses are kept as they come; the trainer's own log would hide those that are not finite."""

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> Any:
        """The parts of one step, and how many preferences they hold together."""
        parts, items = super().get_batch_samples(*args, **kwargs)
        self._parts, self._in_step = len(parts), sum(len(part["ref_chosen_logps"]) for part in parts)
        self.losses.append(0.0)
        return parts, items

    def compute_loss(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        """The part's DPO loss, so weighted that each preference of a step counts the same."""
        loss: torch.Tensor = super().compute_loss(model, inputs, *args, **kwargs)
        value, share = loss.item(), len(inputs["ref_chosen_logps"]) / self._in_step
        if not math.isfinite(value):
            raise StateError(
                f"the DPO loss of step {len(self.losses)} is {value}, expected a finite one: "
                "lower train.learning_rate"
            )
        self.losses[-1] += share * value
        # The trainer goes on to divide by the number of parts.
        return loss * (share * self._parts)


@contextmanager
def _global_random_state_kept() -> Iterator[None]:
    # The trainer seeds every global generator; nobody outside may notice.
    of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        try:
            yield
        finally:
            random.setstate(of_python)
            np.random.set_state(of_numpy)  # noqa: NPY002


@contextmanager
def _narrow_buffers(policy: Any) -> Iterator[None]:
    # TRL's logits lie in rows of 32,768 numbers whatever the vocabulary, which the cache of a CPU takes badly: the
    # bits are the same without, and with a small vocabulary a fifth of the time is saved.
    width = trl_utils._CHUNKED_LOGPROB_CHUNK_SIZE
    trl_utils._CHUNKED_LOGPROB_CHUNK_SIZE = min(width, policy.get_output_embeddings().weight.shape[0])
    try:
        yield
    finally:
        trl_utils._CHUNKED_LOGPROB_CHUNK_SIZE = width


def check_adapters(lora: Lora | None, model: Any) -> None:
    """Refuse adapters for modules that the model does not have, before anything is spent.

    Raises:
        ConfigError: they are not there.
    """
    if lora is not None:
        _adapters(lora, model)


def _adapters(lora: Lora, policy: Any) -> Any:
    from peft import LoraConfig

    head = policy.get_output_embeddings()
    linear = {
        name.rpartition(".")[2]: isinstance(module, Conv1D)
        for name, module in policy.named_modules()
        if isinstance(module, torch.nn.Linear | Conv1D) and module is not head
    }
    if lora.targets != "all-linear" and (unknown := sorted(set(lora.targets) - set(linear))):
        raise ConfigError(
            f"train.lora.targets: {', '.join(unknown)}: expected names of the model's linear modules "
            f"({', '.join(sorted(linear))}), or all-linear"
        )
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.targets if lora.targets == "all-linear" else list(lora.targets),
        fan_in_fan_out=all(linear.values()),  # GPT-2 keeps its matrices transposed
    )


def _dataset(preferences: Sequence[Preference]) -> Dataset:
    columns = {
        "prompt_ids": [list(p.prompt) for p in preferences],
        "chosen_ids": [list(p.chosen) for p in preferences],
        "rejected_ids": [list(p.rejected) for p in preferences],
        "ref_chosen_logps": [p.reference_chosen for p in preferences],
        "ref_rejected_logps": [p.reference_rejected for p in preferences],
    }
    return Dataset.from_dict(columns)


def _arguments(config: Train, device: torch.device, seed: int, scratch: str) -> DPOConfig:
    if device.index:
        raise ConfigError(
            f"run.device: {device}: training uses the first GPU that is visible; "
            f"set CUDA_VISIBLE_DEVICES={device.index} and run.device: cuda"
        )
    arguments = DPOConfig(
        output_dir=scratch,
        beta=config.beta,
        learning_rate=config.learning_rate,
        lr_scheduler_type="constant",
        optim="adamw_torch",
        weight_decay=0.0,
        max_grad_norm=0.0,
        num_train_epochs=config.epochs,
        per_device_train_batch_size=config.micro_batch_size,
        gradient_accumulation_steps=config.batch_size // config.micro_batch_size,
        max_length=None,
        precompute_ref_log_probs=True,
        disable_dropout=False,
        activation_checkpointing=False,
        use_cpu=device.type == "cpu",
        bf16=False,
        seed=seed,
        data_seed=seed,
        save_strategy="no",
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
        dataloader_pin_memory=device.type == "cuda",
    )
    arguments._n_gpu = min(arguments.n_gpu, 1)  # with several visible ones the trainer would use them all
    return arguments
