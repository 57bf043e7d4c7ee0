"""Messages: the one form in which prompts and completions are kept, and its renderings."""
