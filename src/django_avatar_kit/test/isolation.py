"""Storages of a test's own: folders that are gone after it, with a record of what was asked.

The storages of a site may be real folders, or buckets on a network. Here, every alias of
``STORAGES`` gets a folder of its own, and so does the storage that a field was given itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple, cast
from unittest import mock

from django.conf import settings
from django.core.files.storage import FileSystemStorage, Storage
from django.test.utils import override_settings

from ..columns import avatar_columns
from ..storage import base

#: That of every other moment.
_resolve = base.resolve

#: Not replaced: nothing writes into it, and pages take the URLs of scripts and styles from it.
STATIC = "staticfiles"


class StorageCall(NamedTuple):
    """One question to a storage; equal to the tuple ``(method, key)``."""

    #: ``open``, ``save``, ``delete``, ``exists``, ``listdir``, ``size`` or ``get_modified_time``.
    method: str
    #: The key, or the folder, that was asked for.
    key: str


class RecordingStorage(FileSystemStorage):
    """The file system, with a list of everything it was asked to do."""

    def __init__(self, *args: Any, calls: list[StorageCall] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.calls = [] if calls is None else calls

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        """Without the list: django-pictures, for one, puts this into a task."""
        path, args, kwargs = super().deconstruct()
        return path, args, {name: value for name, value in kwargs.items() if name != "calls"}


def _recorded(method: str) -> Callable[..., Any]:
    original = getattr(FileSystemStorage, method)

    def call(self: RecordingStorage, name: str, *args: Any, **kwargs: Any) -> Any:
        self.calls.append(StorageCall(method, name))
        return original(self, name, *args, **kwargs)

    return call


# URLs are not among them: they are made of the key alone.
for _method in ("open", "save", "delete", "exists", "listdir", "size", "get_modified_time"):
    setattr(RecordingStorage, _method, _recorded(_method))


@dataclass(frozen=True, eq=False)
class IsolatedStorages:
    """The storages that there are meanwhile."""

    #: What lies in any of them is below it.
    folder: Path
    #: What they were asked to do, in order. Clear it before what is to be counted.
    calls: list[StorageCall] = field(default_factory=list)
    #: The storages of fields, by the number of what they were given.
    _own: dict[int, Storage] = field(default_factory=dict, init=False, repr=False)

    def location(self, alias: str = "default") -> Path:
        """The folder of an alias of ``STORAGES``."""
        return self.folder / alias

    def keys(self, alias: str = "default") -> set[str]:
        """The keys of all files that an alias has now."""
        root = self.location(alias)
        return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}

    def overridden(self) -> dict[str, Any]:
        """The settings that lead here, made of those of this moment."""
        media, given = self._folder("default"), cast("Any", settings.MEDIA_ROOT)
        return {
            # A site may add to it as to a path, or as to a text.
            "MEDIA_ROOT": media if isinstance(given, Path) else str(media),
            "STORAGES": {
                alias: entry if alias == STATIC else self._entry(alias)
                for alias, entry in settings.STORAGES.items()
            },
        }

    def _entry(self, alias: str) -> dict[str, Any]:
        options: dict[str, Any] = {"calls": self.calls}
        # The default one follows MEDIA_ROOT and MEDIA_URL, should a test set these.
        if alias != "default":
            options |= {"location": str(self._folder(alias)), "base_url": f"/{alias}/"}
        return {"BACKEND": f"{__name__}.{RecordingStorage.__name__}", "OPTIONS": options}

    def of_field(self, given: Storage | Callable[[], Storage]) -> Storage:
        """What a field gets for the storage that it was given, as such or as a callable.

        What a test gives to a field of its own is what it means, and stays.
        """
        number = next((n for n, each in enumerate(_given()) if each is given), None)
        if number is None:
            found = _resolve(given)
            alias = next((alias for alias, real in _aliases() if real is found), None)
            return found if alias is None else base.by_alias(alias)
        if number not in self._own:
            name = f"field-{number}"
            location = str(self._folder(name))
            self._own[number] = RecordingStorage(location, f"/{name}/", calls=self.calls)
        return self._own[number]

    def _folder(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        return folder


@cache
def _aliases() -> tuple[tuple[str, Storage | None], ...]:
    """The storages of the site by their aliases; None for one that cannot be made here.

    Found out before the first block is entered, by the settings of the site. A field that was
    given ``storages["…"]`` itself keeps that one, and so may a function that returns it.
    """
    return tuple((alias, _made(partial(base.by_alias, alias))) for alias in settings.STORAGES)


@cache
def _given() -> tuple[Any, ...]:
    """What the avatar fields of the project were given as storages that no alias stands for.

    Found out at the same moment.
    """
    from ..fields import AvatarField

    fields = [field for field in avatar_columns() if isinstance(field, AvatarField)]
    given = [each for field in fields for each in (field._storage, field.thumbnail_storage)]
    # By identity: a storage may have an ``__eq__()`` of its own.
    named = {id(storage) for _alias, storage in _aliases() if storage is not None}
    return tuple(
        each
        for each in given
        if each is not None and id(_made(partial(_resolve, each))) not in named
    )


def _made(make: Callable[[], Storage]) -> Storage | None:
    """None for a storage that cannot be made here, as its package is not installed."""
    try:
        return make()
    except Exception:  # noqa: BLE001 - making a storage may raise anything
        return None


#: Those that are open, the inmost last.
_layers: list[IsolatedStorages] = []


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    """Below that of the outmost block, which takes away whatever the others had to leave.

    A test may have patched what deletes files, or have made a folder that cannot be read.
    """
    folder = Path(mkdtemp(prefix="avatars-", dir=_layers[0].folder.parent if _layers else None))
    try:
        if _layers:
            yield folder
        else:
            own = folder / "outmost"
            own.mkdir()
            yield own
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def isolated_storages() -> Iterator[IsolatedStorages]:
    """Replace the storages of the site by empty folders, which are removed at the end.

    Replaced are all aliases of ``STORAGES`` except ``"staticfiles"``, and the storages that an
    ``AvatarField`` was given itself (``storage=``, ``thumbnail_storage=``). ``MEDIA_ROOT`` is the
    folder of ``"default"``. A field of another kind that was given a storage keeps it.

    Such blocks can be nested, as for the data of a class and for each of its tests: the inner one
    begins with a copy of the files of the outer one, which is settled before. What earlier tests
    have left to be judged (undone uploads) is forgotten.
    """
    from .. import field_settings
    from ..lifecycle import bulk_create, changes, settlement

    _given()
    changes.undone.clear()
    bulk_create._prepared.clear()
    if _layers:
        # What a class has replaced in its data is past for each of its tests.
        settlement.settle_all()
    with _temporary_folder() as folder:
        layer = IsolatedStorages(folder)
        if _layers:
            shutil.copytree(_layers[-1].folder, layer.folder, dirs_exist_ok=True)
        with (
            override_settings(**layer.overridden()),
            mock.patch.object(field_settings, "resolve", layer.of_field),
            mock.patch.object(base, "resolve", layer.of_field),
        ):
            _layers.append(layer)
            try:
                yield layer
            finally:
                _layers.remove(layer)
