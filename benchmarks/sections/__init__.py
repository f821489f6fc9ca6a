"""The sections of the report, one module each. ``base`` holds what they share.

Contenders take turns in processes that stay alive. A ratio is the median of the rounds' ratios.
Memory is measured in fresh processes.
"""

from __future__ import annotations
