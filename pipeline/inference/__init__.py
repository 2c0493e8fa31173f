"""Inference: decoding, batches, likelihoods, latency."""
