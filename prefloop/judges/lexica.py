"""Sentiment lexica that come as packages, loaded with the first text; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

# TextBlob's mean of the same words in another order differs in the last bits, which is no preference.
_TEXTBLOB_DECIMALS = 9


def vader() -> Callable[[str], float]:
    """VADER's compound score in [-1, 1], to four decimals.

    Source: Hutto and Gilbert 2014, VADER: A Parsimonious Rule-based Model for Sentiment Analysis.
    """

    @cache
    def analyzer() -> Any:
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer  # type: ignore[import-untyped]

        return SentimentIntensityAnalyzer()

    return lambda text: float(analyzer().polarity_scores(text)["compound"])


def textblob() -> Callable[[str], float]:
    """TextBlob's polarity in [-1, 1]: the mean over known words, mostly adjectives.

    Source: TextBlob's default analyser, which is that of De Smedt and Daelemans 2012, Pattern for Python.
    """

    @cache
    def blob() -> Any:
        from textblob import TextBlob  # type: ignore[import-untyped]

        return TextBlob

    return lambda text: round(float(blob()(text).sentiment.polarity), _TEXTBLOB_DECIMALS)
