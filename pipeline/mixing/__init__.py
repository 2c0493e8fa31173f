"""Further tasks mixed into the training data: how many examples of each, which ones, and none that is measured."""
