"""How the bundled base model came to be. The pipeline never imports this; `make pretrain` makes the model again."""
