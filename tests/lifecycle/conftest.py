"""What the tests of rows and files share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.lifecycle import make_profile, upload
from tests.testapp.models import Profile, Team


@pytest.fixture
def profile() -> Profile:
    return make_profile()


@pytest.fixture
def team() -> Team:
    return Team.objects.create(name="t", avatar=upload())


@pytest.fixture
def default(media) -> Any:
    path = media / "defaults" / "badge.png"
    path.parent.mkdir()
    path.write_bytes(b"the default")
    return path


class Disk:
    """A storage whose n-th write fails, with half of the file written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, storage: Any, media: Path) -> None:
        self.left = -1
        self.error: BaseException = OSError(28, "No space left on device")
        save = type(storage).save

        def full(self_: Any, name: str, content: Any, *args: Any, **kwargs: Any) -> str:
            if self.left == 0:
                path = media / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.read()[:10])
                raise self.error
            self.left -= 1
            return save(self_, name, content, *args, **kwargs)

        monkeypatch.setattr(type(storage), "save", full)


@pytest.fixture
def disk(monkeypatch, storage, media) -> Disk:
    return Disk(monkeypatch, storage, media)
