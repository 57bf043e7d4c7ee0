"""The whole way with real encoders: the same vectors as the pipeline's, and a model that knows its subject."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from prefloop.embed.encoder import Encoder
from prefloop.errors import ConfigError, LabelsMissing, ModelError, StateError
from prefloop.evaluation.rewardbench import Item, read_items
from prefloop.evaluation.rewardbench.embed import embed_items
from prefloop.evaluation.rewardbench.encoder import load_recorded_encoder
from prefloop.evaluation.rewardbench.run import row_results, score_file, summary, table
from prefloop.messages.message import Turns
from prefloop.reward.registry import load_model, save_model
from tests.embed.helpers import embed_config
from tests.evaluation.rewardbench.conftest import KIND, RUDE, THINGS, pairs
from tests.evaluation.rewardbench.helpers import best_of, write


def one(prompt, chosen, rejected, subset="alpacaeval-easy"):
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected, "subset": subset, "id": 1}


HELD_OUT = [one(p, a, b) for p, a, b in pairs(THINGS[6:])[::5]]
TURNED = [one(p, b, a, "mine") for p, a, b in pairs(THINGS[6:])[::7]]
FOURS = [
    best_of(str(n), "Focus", f"Tell me about {x}.", [KIND[0].format(x)], [r.format(x) for r in RUDE])
    for n, x in enumerate(THINGS[6:])
]
TIES = [
    best_of(f"{kind}:{n}", "Ties", f"Say something about {x}.", [k.format(x) for k in kinds], [RUDE[0].format(x)])
    for n, x in enumerate(THINGS[6:])
    for kind, kinds in (("ref", KIND[:1]), ("tied", KIND[:2]))
]


def test_rewardbench_1_with_the_real_encoder(real, tmp_path):
    path = write(tmp_path / "f.parquet", HELD_OUT + TURNED)
    result, items = score_file(path, real.path, embed_config("all-MiniLM-L6-v2"), real.cache)
    assert result.subsets["alpacaeval-easy"].accuracy > 0.95
    assert result.subsets["mine"].accuracy < 0.05
    assert result.sections == {"Chat": result.subsets["alpacaeval-easy"].accuracy}
    assert all(found.uncertainty > 0 for found in result.subsets.values())
    rows = row_results(result, items)
    assert np.mean([row["rewards"][0] > row["rewards"][1] for row in rows if row["subset"] == "mine"]) < 0.05


def test_rewardbench_2_with_the_real_encoder(real, tmp_path):
    path = write(tmp_path / "f.jsonl.gz", FOURS + TIES)
    result, _ = score_file(path, real.path, embed_config("all-MiniLM-L6-v2"), real.cache)
    assert result.subsets["Focus"].accuracy == 1
    assert result.ties is not None
    assert (result.ties.ref_accuracy, result.ties.tied_accuracy) == (1, 1)
    assert summary(result)["score"] == pytest.approx((1 + result.ties.score) / 2)
    assert [row[0] for row in table(result)] == [
        "Focus", "Ties", "all rows but Ties", "score (partial)",
    ]  # fmt: skip


def items_of(trained):
    """The completions that the model was trained on, one item each."""
    rows = zip(trained.prompts, trained.texts, strict=True)
    return [Item(str(n), "x", Turns(prompt), (Turns(text),), 1) for n, (prompt, text) in enumerate(rows)]


@pytest.mark.parametrize("which", ["real", "tiny"])
def test_vectors_and_rewards_are_those_of_the_pipeline(which, request, tmp_path):
    trained = request.getfixturevalue(which)
    encoder = load_recorded_encoder(trained.features.manifest, trained.config)
    came = embed_items(items_of(trained), encoder, tmp_path)
    np.testing.assert_allclose(came, trained.features.completions, atol=3e-6)
    assert (which == "tiny") == (trained.features.manifest["truncated_completions"] > 0)
    model, _ = load_model(trained.path)
    np.testing.assert_allclose(model.rewards(came), trained.model.rewards(came), atol=1e-6)


def test_neither_order_nor_repetition_changes_a_vector(tiny, tmp_path):
    encoder = load_recorded_encoder(tiny.features.manifest, tiny.config)
    items = items_of(tiny)
    came = embed_items(items, encoder, tmp_path / "one")
    other = embed_items([*items[::-1], *items[:5]], encoder, tmp_path / "two")
    np.testing.assert_array_equal(other, np.concatenate([came[::-1], came[:5]]))


def test_each_text_is_embedded_once_and_kept(tiny, tmp_path, monkeypatch):
    fed = []
    original = Encoder.vectors
    monkeypatch.setattr(Encoder, "vectors", lambda self, batch: fed.append(len(batch)) or original(self, batch))
    path = write(
        tmp_path / "f.json", [one("p", "a", "b"), one("p", "b", "a"), one("p", "c", "c"), one("q", "a", "b")]
    )
    for _ in range(2):
        result, _ = score_file(path, tiny.path, tiny.config, tmp_path / "cache")
        assert sum(fed) == 5
    assert result.reward_C[0] == result.reward_C[3]
    assert result.credits[2] == 0
    assert result.credits[0] + result.credits[1] == 1


def test_an_untrained_ensemble_is_refused(tiny, tmp_path):
    model, about = load_model(tiny.path)
    untrained = tmp_path / "model.safetensors"
    model.epochs[:] = 0
    save_model(untrained, "mlp_ensemble", model, about)
    with pytest.raises(LabelsMissing, match=r"holds an untrained ensemble.*give labels and run"):
        score_file(tmp_path / "none", untrained, tiny.config, tmp_path)
    with pytest.raises(StateError, match="is missing"):
        score_file(tmp_path / "none", tmp_path / "nothing", tiny.config, tmp_path)


# ------------------------------------------------------------------ the encoder


def test_the_recorded_settings_win_and_device_and_batch_do_not_matter(tiny, bert):
    config = embed_config(bert, max_length=64, normalise=False, pooling="last_token", batch_size=3)
    encoder = load_recorded_encoder(tiny.features.manifest, config)
    assert encoder.config == tiny.config.model_copy(update={"batch_size": 3})
    with pytest.raises(ConfigError, match="device cuda:77"):
        load_recorded_encoder(tiny.features.manifest, embed_config(bert, device="cuda:77"))


def test_an_encoder_in_another_folder_is_known_by_its_content(tiny, bert, tmp_path):
    shutil.copytree(bert, tmp_path / "moved")
    encoder = load_recorded_encoder(tiny.features.manifest, embed_config(tmp_path / "moved"))
    assert encoder.source.folder == tmp_path / "moved"
    (tmp_path / "moved" / "tokenizer.json").write_bytes((bert / "tokenizer.json").read_bytes() + b" ")
    for model in (tmp_path / "moved", "all-MiniLM-L6-v2"):
        with pytest.raises(
            ModelError, match=r"the encoder in a folder 'tiny-bert' \(digest .*set embed\.model to"
        ):
            load_recorded_encoder(tiny.features.manifest, embed_config(model))


def test_altered_weights_are_refused(real):
    manifest = real.features.manifest | {"model_digest": "0" * 32}
    with pytest.raises(ModelError, match=r"files of the encoder all-MiniLM-L6-v2 are not those .* expected 0000"):
        load_recorded_encoder(manifest, real.config)


def test_a_hub_model_is_looked_for_on_this_machine_alone(tiny, monkeypatch, tmp_path):
    import huggingface_hub

    asked = {}
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", lambda name, **options: asked.update(options, name=name) or tmp_path
    )
    manifest = tiny.features.manifest | {"model": "org/model", "revision": "abc"}
    with pytest.raises(ModelError, match=r"has no config\.json"):
        load_recorded_encoder(manifest, tiny.config.model_copy(update={"model": "all-MiniLM-L6-v2"}))
    assert (asked["name"], asked["revision"], asked["local_files_only"]) == ("org/model", "abc", True)


@pytest.mark.parametrize("recorded", [None, {}, {"model": "words", "dim": 8}])
def test_a_model_that_does_not_name_its_encoder(real, recorded):
    with pytest.raises(ModelError, match=r"does not say which encoder .*model_digest.*train it again"):
        load_recorded_encoder(recorded, real.config)


def test_vectors_of_another_version(real):
    with pytest.raises(ModelError, match="version 0 of the embedding"):
        load_recorded_encoder(real.features.manifest | {"code": "0"}, real.config)


def test_both_formats_give_the_same_accuracy_where_no_rewards_are_equal(real, tmp_path):
    rows = HELD_OUT[:8] + TURNED[:8]
    listed = [
        best_of(str(n), r["subset"], r["prompt"], [r["chosen"]], [r["rejected"]]) for n, r in enumerate(rows)
    ]
    first, second = (
        score_file(write(tmp_path / name, content), real.path, real.config, real.cache)[0]
        for name, content in (("1.jsonl", rows), ("2.jsonl", listed))
    )
    assert first.subsets == second.subsets
    assert read_items(tmp_path / "2.jsonl")[0] == 2
