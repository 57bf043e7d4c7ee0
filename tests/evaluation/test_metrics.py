"""The lists of metrics: tables and reports hold all of them, and no number comes or goes without a word."""

import re

import numpy as np
import pyarrow as pa
import pytest

from prefloop.dpo import metrics as dpo
from prefloop.dpo.report import tables as dpo_tables
from prefloop.errors import StateError
from prefloop.evaluation import predictive
from prefloop.evaluation.metrics import DOWNSTREAM, METRICS, ROUNDS
from prefloop.report import tables

EVERY = pytest.mark.parametrize(
    "table", [METRICS, ROUNDS, DOWNSTREAM, dpo.ROUNDS], ids=lambda t: t.source + t.file
)


def row(table):
    values = {pa.string(): "x", pa.int32(): 1, pa.int64(): 2, pa.float64(): 0.5}
    return {field.name: values[field.type] for field in table.schema}


@EVERY
def test_a_whole_row_is_kept_and_numbers_may_be_missing(table):
    whole = row(table)
    assert table.table([whole]).to_pylist() == [whole]
    unknown = whole | dict.fromkeys(table.names)
    assert table.table([unknown]).to_pylist() == [unknown]


@EVERY
def test_a_number_that_is_not_listed_is_refused_and_so_is_one_that_is_not_computed(table):
    surplus = row(table) | {"surprise": 0.5}
    with pytest.raises(
        StateError, match=rf"{table.file}: not listed: surprise; list every metric in {table.source}"
    ):
        table.row(surplus)
    for name in table.names:
        less = {key: value for key, value in row(table).items() if key != name}
        with pytest.raises(StateError, match=rf"listed and not computed: {name};"):
            table.row(less)


def test_a_metric_that_its_function_computes_and_nobody_listed_is_refused_at_once(monkeypatch):
    logits, y = np.linspace(-1, 1, 12).reshape(2, 6), np.arange(6) % 2.0
    listed = predictive.predictive_metrics(logits, y)
    assert set(listed) == set(METRICS.names)
    fewer = METRICS.numbers[:-1]
    monkeypatch.setattr(predictive, "METRICS", type(METRICS)(METRICS.file, METRICS.source, METRICS.key, fewer))
    with pytest.raises(StateError, match=re.escape("metrics.parquet: not listed: spearman_sigma;")):
        predictive.predictive_metrics(logits, y)


def test_the_curves_hold_every_metric():
    assert sorted((*tables.SCORES, *tables.FURTHER)) == sorted((*METRICS.names, "n_pairs"))
    shown = (*dpo_tables._FURTHER, *dpo_tables._DISTINCT, *dpo.ROUNDS.of_role("outcome", "effort"))
    assert sorted(shown) == sorted(dpo.ROUNDS.names)


def test_names_stand_once():
    for table in (METRICS, ROUNDS, DOWNSTREAM, dpo.ROUNDS):
        assert len(set(table.schema.names)) == len(table.schema.names)
    tracked = [number.tracked for number in DOWNSTREAM.numbers if number.tracked]
    assert len(set(tracked)) == len(tracked) == 4
