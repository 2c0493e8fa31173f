"""Base models: architectures, loading, prompts, what a method changed, devices and clocks."""
