"""Training: the loop, its batches, checkpoints, curves and the checkpoint's key."""
