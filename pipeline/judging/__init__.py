"""What reads outputs beside the task's own metrics: models that say how well an output fits its input or
its references.

One module each, named as in `metrics.judges`.
"""
