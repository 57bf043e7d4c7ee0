"""Sentiment lexica that come as packages; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable

# TextBlob's mean of the same words in another order differs in the last bits, which is no preference.
_TEXTBLOB_DECIMALS = 9


def vader() -> Callable[[str], float]:
    """VADER's compound score in [-1, 1], to four decimals.

    Source: Hutto and Gilbert 2014, VADER: A Parsimonious Rule-based Model for Sentiment Analysis.
    """
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer  # type: ignore[import-untyped]

    analyzer = SentimentIntensityAnalyzer()
    return lambda text: float(analyzer.polarity_scores(text)["compound"])


def textblob() -> Callable[[str], float]:
    """TextBlob's polarity in [-1, 1]: the mean over known words, mostly adjectives.

    Source: TextBlob's default analyser, which is that of De Smedt and Daelemans 2012, Pattern for Python.
    """
    from textblob import TextBlob  # type: ignore[import-untyped]

    return lambda text: round(float(TextBlob(text).sentiment.polarity), _TEXTBLOB_DECIMALS)
