"""Planning: memory, time and disk of a configuration before anything is trained."""
