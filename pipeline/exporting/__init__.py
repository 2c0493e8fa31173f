"""A trained model outside of this project: what it needs to be used, the formats it is written in, and their checks."""
