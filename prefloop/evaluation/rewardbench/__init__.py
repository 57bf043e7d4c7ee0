"""RewardBench 1 and 2: the accuracy of a reward ensemble on a local file of chosen and rejected answers."""

from prefloop.evaluation.rewardbench.items import Item
from prefloop.evaluation.rewardbench.read import read_items
from prefloop.evaluation.rewardbench.scoring import Result, evaluate

__all__ = ["Item", "Result", "evaluate", "read_items"]
