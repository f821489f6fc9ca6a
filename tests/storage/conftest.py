from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def storage(bucket: Any, settings: Any) -> Any:
    """The default storage, in a bucket of its own."""
    return bucket.use(settings)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The time that the kit sees: ``clock.now``, in seconds since the epoch."""
    from tests.support.s3storage import Clock

    return Clock(monkeypatch)
