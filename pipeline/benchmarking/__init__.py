"""Benchmarks through lm-eval (EleutherAI's evaluation harness): its tasks, asked of the pipeline's models."""
