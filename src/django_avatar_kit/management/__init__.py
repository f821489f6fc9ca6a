"""The management commands: their options, their progress and what they print.

Knows the engines in ``maintenance``. Must not touch storages or rows by itself.
"""
