"""A labelling campaign: the next batch, and its rehearsal on hidden answers."""
