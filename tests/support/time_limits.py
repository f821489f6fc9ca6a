"""An exception as a task queue raises it."""

from __future__ import annotations


class SoftTimeLimit(Exception):  # noqa: N818
    """A time limit. It is no class that the kit could know."""
