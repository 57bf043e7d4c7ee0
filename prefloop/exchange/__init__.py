"""Preference data sets for training, from what a run or a campaign has labelled."""
