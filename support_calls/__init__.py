"""Customer-support calls, written by a seeded generator: the dialogues and questions of `data=support`.

What people say lies in texts/*.yaml; `python -m support.dialogues 50` prints fifty calls to read.
"""
