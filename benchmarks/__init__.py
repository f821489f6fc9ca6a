"""The kit beside its peers: ``python -m benchmarks``.

``__main__`` runs the ``sections`` of the report. What they compare, the ``contenders``, lives in
processes (``worker``) with nothing installed but what it needs (``settings``), and does the
``jobs`` that the parent asks for, turn by turn (``pairs``). For S3 there are ``s3jobs``, and one
more process, the ``s3server``.
"""

from __future__ import annotations
