"""Processes in which contenders do their jobs, and how these processes take turns."""

from __future__ import annotations
