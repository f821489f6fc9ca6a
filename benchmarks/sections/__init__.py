"""What is measured: each module here is a section of the report, ``base`` what they share.

Contenders take turns, in processes that stay; a ratio is the median of the turns' ratios. Memory
is measured in fresh processes.
"""

from __future__ import annotations
