"""Downstream evaluation: acquired labels judged by hidden scores, and by models that chose nothing themselves."""
