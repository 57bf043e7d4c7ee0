"""Encoder: a language model as a function from token sequences to vectors."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch

from prefloop.config.data import Embed
from prefloop.embed.locate import ModelFolder
from prefloop.embed.texts import TextEncoder
from prefloop.errors import ModelError

log = logging.getLogger("prefloop")


class Encoder:
    """An encoder or causal LM whose last hidden state is pooled into one vector per text.

    Attributes:
        source: where the model came from.
        texts: the tokenising half.
        model: the transformers model without a head.
        dim: D.
        device: where the model runs.
    """

    def __init__(
        self, source: ModelFolder, config: Embed, model: Any, tokenizer: Any, device: torch.device
    ) -> None:
        self.source, self.config, self.device = source, config, device
        self.dim = int(model.config.get_text_config().hidden_size)
        self.model = model.to(device).eval()
        self._vocabulary = int(model.get_input_embeddings().num_embeddings)
        self.texts = TextEncoder(tokenizer, config.template, config.max_length)

    def vectors(self, batch: Sequence[Sequence[int] | np.ndarray]) -> np.ndarray:
        """Embed token sequences as one padded batch; where memory runs out, as two halves.

        Args:
            batch: n sequences of token ids, none empty.

        Returns:
            float32 [n, D], of Euclidean length 1 if so configured. May hold NaN or infinity.

        Raises:
            ModelError: one text alone does not fit into memory, or a token the model does not know.
        """
        try:
            return self._forward(batch)
        except (RuntimeError, MemoryError) as error:
            if not _is_memory(error):
                raise
        # Outside the handler, whose traceback would keep the failed batch's tensors alive.
        if len(batch) == 1:
            raise ModelError(
                f"one text of {len(batch[0])} tokens does not fit into the memory of {self.device}: lower "
                "embed.max_length, choose a smaller model, or embed.dtype bfloat16"
            )
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        half = (len(batch) + 1) // 2
        log.warning("embed: out of memory with %d texts in a batch, going on with %d", len(batch), half)
        return np.concatenate([self.vectors(batch[:half]), self.vectors(batch[half:])])

    @torch.inference_mode()
    def _forward(self, batch: Sequence[Sequence[int] | np.ndarray]) -> np.ndarray:
        lengths = np.array([len(ids) for ids in batch])
        # Padding is on the right and masked, so its value matters to nobody.
        padded = np.zeros((len(batch), int(lengths.max())), np.int64)
        mask = np.arange(padded.shape[1]) < lengths[:, None]
        padded[mask] = np.concatenate(batch)
        if padded.max() >= self._vocabulary:
            raise ModelError(
                f"{self.source.name}: its tokenizer gives token {padded.max()}, but its model knows "
                f"{self._vocabulary}: the two do not belong together"
            )
        mask_BT = torch.from_numpy(mask).to(self.device)
        output = self.model(
            input_ids=torch.from_numpy(padded).to(self.device),
            attention_mask=None if mask.all() else mask_BT.long(),
        )
        last = torch.from_numpy(lengths - 1).to(self.device)
        pooled = pool(output.last_hidden_state, mask_BT, last, self.config.pooling)
        if self.config.normalise:
            pooled = pooled / torch.linalg.vector_norm(pooled, dim=1, keepdim=True)
        vectors: np.ndarray = pooled.cpu().numpy()
        return vectors


def pool(
    hidden: torch.Tensor, mask: torch.Tensor, last: torch.Tensor, pooling: Literal["mean", "last_token"]
) -> torch.Tensor:
    """Reduce hidden states to one vector per text.

    Args:
        hidden: [n, T, D], any float format.
        mask: bool [n, T], true on tokens of the text.
        last: int64 [n], position of each text's last token.
        pooling: mean over the text's tokens, or its last one.

    Returns:
        float32 [n, D].
    """
    if pooling == "last_token":
        return hidden[torch.arange(len(hidden), device=hidden.device), last].float()
    weights = mask.unsqueeze(-1).float()
    return (hidden.float() * weights).sum(1) / weights.sum(1)


def _is_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    message = str(error).lower()
    return "out of memory" in message or "can't allocate memory" in message or "not enough memory" in message
