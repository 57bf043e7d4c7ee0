import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from prefloop.embed.encoder import pool
from prefloop.embed.load import load_encoder
from prefloop.errors import ConfigError, ModelError
from tests.embed.helpers import embed_config

BATCH = [[4, 5, 6], [7], [8, 9, 10, 11, 12, 13], [5, 5]]


@pytest.mark.parametrize("model", ["bert", "llama", "chat_llama"])
@pytest.mark.parametrize("pooling", ["mean", "last_token"])
def test_padding_does_not_change_a_vector(
    model: str, pooling: str, request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = request.getfixturevalue(model)
    capfd.readouterr()
    encoder = load_encoder(embed_config(folder, pooling=pooling))
    together = encoder.vectors(BATCH)
    alone = np.concatenate([encoder.vectors([ids]) for ids in BATCH])
    assert together.shape == (4, 16)
    assert together.dtype == np.float32
    np.testing.assert_allclose(together, alone, atol=2e-6)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
    assert capfd.readouterr().err == ""


def test_mean_pooling_equals_the_plain_formula(bert: Path) -> None:
    encoder = load_encoder(embed_config(bert, normalise=False))
    with torch.inference_mode():
        hidden = encoder.model(input_ids=torch.tensor([BATCH[2]])).last_hidden_state
    np.testing.assert_allclose(encoder.vectors(BATCH)[2], hidden[0].mean(0), atol=2e-6)


def test_last_token_is_taken_by_length() -> None:
    hidden = torch.arange(12.0).reshape(2, 3, 2)
    mask = torch.tensor([[True, True, False], [True, True, True]])
    assert pool(hidden, mask, torch.tensor([1, 2]), "last_token").tolist() == [[2, 3], [10, 11]]
    assert pool(hidden, mask, torch.tensor([1, 2]), "mean").tolist() == [[1, 2], [8, 9]]


def test_a_batch_that_runs_out_of_memory_is_halved(
    bert: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    encoder = load_encoder(embed_config(bert))
    expected = encoder.vectors(BATCH)
    forward = encoder.model.forward
    sizes: list[int] = []

    def small(input_ids: torch.Tensor, **rest: object) -> object:
        sizes.append(len(input_ids))
        if len(input_ids) > limit:
            raise errors[len(sizes) % 3]
        return forward(input_ids=input_ids, **rest)

    errors = [
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        torch.OutOfMemoryError("CUDA out of memory."),
        MemoryError(),
    ]
    monkeypatch.setattr(encoder.model, "forward", small)
    limit = 1
    np.testing.assert_allclose(encoder.vectors(BATCH), expected, atol=2e-6)
    assert sizes == [4, 2, 1, 1, 2, 1, 1]
    assert "going on with 2" in caplog.text
    limit = 0
    with pytest.raises(ModelError, match="one text of 3 tokens does not fit"):
        encoder.vectors(BATCH)


def test_other_failures_of_the_model_are_not_taken_for_a_lack_of_memory(
    bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = load_encoder(embed_config(bert))

    def broken(**_: object) -> None:
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(encoder.model, "forward", broken)
    with pytest.raises(RuntimeError, match="shapes differ"):
        encoder.vectors(BATCH)


def test_half_precision_gives_float32_vectors_of_length_one(bert: Path) -> None:
    vectors = load_encoder(embed_config(bert, dtype="bfloat16")).vectors(BATCH)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_a_length_beyond_the_positions_is_refused(bert: Path) -> None:
    with pytest.raises(ConfigError, match="got 65, but the model has 64 positions"):
        load_encoder(embed_config(bert, max_length=65))


def test_an_absent_device_is_refused(bert: Path) -> None:
    with pytest.raises(ConfigError, match="cuda:99"):
        load_encoder(embed_config(bert, device="cuda:99"))


def test_damaged_or_incomplete_weights_are_refused(bert: Path, tmp_path: Path) -> None:
    shutil.copytree(bert, tmp_path / "m")
    weights = tmp_path / "m" / "model.safetensors"
    tensors = load_file(weights)
    first = sorted(tensors)[0]
    save_file({name: value for name, value in tensors.items() if name != first}, weights, {"format": "pt"})
    with pytest.raises(ModelError, match="lacks 1 weights"):
        load_encoder(embed_config(tmp_path / "m"))
    weights.write_bytes(b"\x00" * 50)
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_encoder(embed_config(tmp_path / "m"))


def test_a_missing_pooling_head_does_not_matter(bert: Path, tmp_path: Path) -> None:
    shutil.copytree(bert, tmp_path / "m")
    weights = tmp_path / "m" / "model.safetensors"
    tensors = load_file(weights)
    save_file({name: value for name, value in tensors.items() if "pooler" not in name}, weights, {"format": "pt"})
    assert len(load_file(weights)) < len(tensors)
    expected = load_encoder(embed_config(bert)).vectors(BATCH)
    np.testing.assert_array_equal(load_encoder(embed_config(tmp_path / "m")).vectors(BATCH), expected)


def test_an_encoder_decoder_is_refused(bert: Path, tmp_path: Path) -> None:
    shutil.copytree(bert, tmp_path / "m")
    (tmp_path / "m" / "config.json").write_text('{"model_type": "t5"}')
    with pytest.raises(ModelError, match="encoder-decoder"):
        load_encoder(embed_config(tmp_path / "m"))


def test_a_tokenizer_of_another_model_is_refused(bert: Path) -> None:
    with pytest.raises(ModelError, match="do not belong together"):
        load_encoder(embed_config(bert)).vectors([[4, 500]])
