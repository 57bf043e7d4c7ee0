import json
from pathlib import Path

import numpy as np
import pytest

from prefloop.embed import pipeline
from prefloop.embed.cache import VectorCache
from prefloop.embed.encoder import Encoder
from prefloop.embed.features import check_ids, load_features
from prefloop.embed.load import load_encoder
from prefloop.embed.pipeline import embed_prepared
from prefloop.errors import ModelError, StateError
from prefloop.messages.message import Turns
from tests.embed.helpers import embed_config, write_prepared

rng = np.random.default_rng(3)


def words(count: int) -> str:
    return " ".join(rng.choice(list("abcdefgh"), count))


ANSWERS = {words(n): [words(m) for m in rng.integers(1, 50, 5)] for n in (3, 9, 2, 20, 40)}


def embed(root: Path, model: Path, answers: dict[str, list[str]] = ANSWERS, **changes: object) -> dict[str, bytes]:
    write_prepared(root / "prepared", answers)
    embed_prepared(root / "prepared", root / "features", root / "cache", embed_config(model, **changes))
    return {path.name: path.read_bytes() for path in sorted((root / "features").iterdir())}


@pytest.fixture
def fed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Number of texts in each batch the model was given."""
    sizes: list[int] = []
    original = Encoder.vectors

    def counted(self: Encoder, batch: list[np.ndarray]) -> np.ndarray:
        sizes.append(len(batch))
        return original(self, batch)

    monkeypatch.setattr(Encoder, "vectors", counted)
    return sizes


def test_rows_follow_the_tables(tmp_path: Path, bert: Path) -> None:
    prompts, rows = write_prepared(tmp_path / "prepared", {"a b": ["c", "d e"], "b": ["c"], "unanswered": []})
    config = embed_config(bert)
    embed_prepared(tmp_path / "prepared", tmp_path / "f", tmp_path / "cache", config)
    features = load_features(tmp_path / "f")
    encoder = load_encoder(config)
    for row, (prompt, answer) in enumerate(rows):
        expected = encoder.vectors(encoder.texts.answers([Turns(prompt)], [Turns(answer)]))[0]
        np.testing.assert_allclose(features.completions[row], expected, atol=2e-6)
    expected = np.concatenate([encoder.vectors([ids]) for ids in encoder.texts.prompts(list(map(Turns, prompts)))])
    np.testing.assert_allclose(features.prompts, expected, atol=2e-6)


def test_same_input_same_bytes_and_nothing_of_this_machine(tmp_path: Path, bert: Path) -> None:
    first = embed(tmp_path / "one", bert)
    assert embed(tmp_path / "two", bert) == first
    assert embed(tmp_path / "one", bert) == first
    assert str(tmp_path) not in first["manifest.json"].decode()
    assert json.loads(first["manifest.json"])["model"] == "tiny-bert"


def test_repeated_texts_are_embedded_once(tmp_path: Path, bert: Path, fed: list[int]) -> None:
    embed(tmp_path, bert, {"a": ["x", "X", "y"], "A": ["x"]})
    manifest = load_features(tmp_path / "features").manifest
    assert sum(fed) == manifest["different_texts"] == 3
    assert manifest["completions_with_equal_tokens"] == 2


def test_added_data_embeds_only_new_texts(tmp_path: Path, bert: Path, fed: list[int]) -> None:
    embed(tmp_path, bert)
    before = sum(fed)
    embed(tmp_path, bert, ANSWERS | {"new prompt": ["new answer"]})
    assert sum(fed) - before == 2
    embed(tmp_path, bert, max_length=64)
    assert 0 < sum(fed) - before - 2 < before, "texts that fitted before are found again under a longer limit"


def test_killed_at_any_moment_it_resumes_to_the_same_bytes(tmp_path: Path, bert: Path, fed: list[int]) -> None:
    undisturbed = embed(tmp_path / "whole", bert)
    (file,) = (tmp_path / "whole" / "cache").glob("*/vectors.bin")
    content, batches = file.read_bytes(), list(fed)
    ends = np.cumsum(batches) * (len(content) // sum(batches))
    # A kill leaves some beginning of the file: at a batch's border, between records or within one.
    for size in {*ends.tolist(), *np.linspace(0, len(content), 12, dtype=int).tolist()}:
        cut = tmp_path / str(size) / "cache" / file.parent.name / file.name
        cut.parent.mkdir(parents=True)
        cut.write_bytes(content[:size])
        fed.clear()
        assert embed(tmp_path / str(size), bert) == undisturbed
        assert fed == [batch for batch, end in zip(batches, ends, strict=True) if end > size]
        assert cut.read_bytes() == content


def test_a_failure_leaves_the_old_features_and_keeps_finished_batches(
    tmp_path: Path, bert: Path, fed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = embed(tmp_path / "whole", bert)
    batches = list(fed)
    old = embed(tmp_path, bert, {"a": ["x", "y"]}, batch_size=3)
    append = VectorCache.append

    def full_disk(self: VectorCache, keys: list[bytes], vectors: np.ndarray) -> None:
        if fed == batches[:4]:
            raise OSError(28, "No space left on device")
        append(self, keys, vectors)

    fed.clear()
    with monkeypatch.context() as patch:
        patch.setattr(VectorCache, "append", full_disk)
        with pytest.raises(OSError, match="No space"):
            embed(tmp_path, bert)
    assert {path.name: path.read_bytes() for path in sorted((tmp_path / "features").iterdir())} == old
    fed.clear()
    assert embed(tmp_path, bert) == undisturbed
    assert fed == batches[3:]


def test_counts_of_truncation_are_reported(tmp_path: Path, bert: Path, caplog: pytest.LogCaptureFixture) -> None:
    same = "a " * 40
    embed(tmp_path, bert, {"p": [same + "b", same + "c", "d"], "q " * 40: ["e"], "r": ["f"]})
    manifest = load_features(tmp_path / "features").manifest
    wanted = (
        "truncated_prompts",
        "completions_with_truncated_prompt",
        "truncated_completions",
        "pairs_kept_apart",
    )
    assert [manifest[name] for name in wanted] == [1, 3, 2, 1]
    assert "2 of 5 completions are longer than embed.max_length" in caplog.text


def test_nan_names_the_first_text(tmp_path: Path, bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Encoder, batch: list[np.ndarray]) -> np.ndarray:
        return np.full((len(batch), 16), np.nan, np.float32)

    monkeypatch.setattr(Encoder, "vectors", broken)
    with pytest.raises(
        ModelError, match=r"NaN or infinity for 4 of 4 texts \(first: (prompt|completion) [0-9a-f]{32}\)"
    ):
        embed(tmp_path, bert)
    assert not (tmp_path / "features").exists()


def test_tables_that_do_not_fit_together_are_refused(tmp_path: Path, bert: Path) -> None:
    write_prepared(tmp_path / "one", {"a": ["b"]})
    write_prepared(tmp_path / "prepared", {"c": ["d"]})
    (tmp_path / "one" / "prompts.parquet").replace(tmp_path / "prepared" / "prompts.parquet")
    with pytest.raises(StateError, match="does not follow"):
        pipeline.embed_prepared(tmp_path / "prepared", tmp_path / "f", tmp_path / "cache", embed_config(bert))


@pytest.mark.parametrize("damage", ["missing", "truncated", "other shape", "no manifest", "bad manifest"])
def test_damaged_features_are_refused(tmp_path: Path, bert: Path, damage: str) -> None:
    embed(tmp_path, bert, {"a": ["b", "c"]})
    file = tmp_path / "features" / "completions.npy"
    manifest = tmp_path / "features" / "manifest.json"
    if damage == "missing":
        file.unlink()
    elif damage == "truncated":
        file.write_bytes(file.read_bytes()[:-7])
    elif damage == "other shape":
        np.save(file, np.zeros((1, 16), np.float32))
    elif damage == "no manifest":
        manifest.unlink()
    else:
        manifest.write_text("{}")
    with pytest.raises(StateError):
        load_features(tmp_path / "features")


def test_features_of_other_tables_are_noticed(tmp_path: Path, bert: Path) -> None:
    from types import SimpleNamespace

    import pyarrow.parquet as pq

    embed(tmp_path, bert)
    ids = pq.read_table(tmp_path / "prepared" / "completions.parquet")["completion_id"]
    prompts = pq.read_table(tmp_path / "prepared" / "prompts.parquet")["prompt_id"]
    features = load_features(tmp_path / "features")
    check_ids(features, SimpleNamespace(prompt_ids=prompts, completion_ids=ids))  # type: ignore[arg-type]
    with pytest.raises(StateError, match="completion_ids differ"):
        check_ids(features, SimpleNamespace(prompt_ids=prompts, completion_ids=ids[::-1]))  # type: ignore[arg-type]
