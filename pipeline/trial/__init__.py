"""Trying a model before anything is trained: it can stop a stage and changes nothing that one writes."""
