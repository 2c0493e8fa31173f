"""A user's files, row by row: what formats there are, and what counts as a dialogue, a summary and an id."""
