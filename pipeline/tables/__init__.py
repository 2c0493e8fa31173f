"""A user's files, row by row: what formats there are, and what counts as an input, an output and an id."""
