"""Avatars for Django: cut once, shown without I/O, never lost and never left behind."""

from __future__ import annotations

__version__ = "0.1.0"
