"""Uploads that are measured, and measurements of the package ``uploads`` alone."""

from __future__ import annotations
