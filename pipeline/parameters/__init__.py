"""What may be set: one file for each section of params.yaml, with types and bounds. Defaults are in conf/ only.

The parameters of a method are in its own file, pipeline/methods/<method>.py.
"""
