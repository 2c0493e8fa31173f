"""Serving: one base with all that was trained beside it, batches of requests, and the HTTP interface."""
