"""RewardBench 1 and 2: the accuracy of a reward ensemble on a local file of chosen and rejected answers."""

from prefloop.rewardbench.items import Item
from prefloop.rewardbench.read import read_items
from prefloop.rewardbench.scoring import Result, evaluate

__all__ = ["Item", "Result", "evaluate", "read_items"]
