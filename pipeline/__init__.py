"""Compare full fine-tuning, LoRA and prompt tuning on your data: one module a stage, in the order of dvc.yaml."""
