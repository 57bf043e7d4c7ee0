"""A labelling campaign: its folder, its batches, the desk, the loop of rounds, and where it stands."""
