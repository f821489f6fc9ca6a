"""What lies in storage, grouped by the picture it belongs to, and which row needs it.

This is for a reader's eyes. It lists everything there is, so a site with a million avatars would
leave it out; the kit itself never lists storage to render or to delete.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from django.apps import apps
from django.core.files.storage import FileSystemStorage, Storage, default_storage
from django.db.models import FileField, Model
from django.utils.translation import gettext_lazy as _

from django_avatar_kit.lazy import unwrap
from django_avatar_kit.names import Name, group_of
from django_avatar_kit.storage import base as kit_storage

from .models import display_name

Role = Literal["master", "rendition", "thumbnail", "original", "stray"]
_LABELS: dict[Role, Any] = {
    "master": _("master"),
    "rendition": _("cut to size"),
    "thumbnail": _("thumbnail"),
    "original": _("original"),
    "stray": _("extra"),
}

# easy-thumbnails names a thumbnail after its source, its options and its format.
_THUMBNAIL = re.compile(r"(.+\.\w+)\.\d+x\d+_[^/]*\.\w+")


@dataclass(frozen=True, kw_only=True)
class Location:
    """Where a storage keeps its files, in words for a reader."""

    #: "folder", "bucket" or, of others, "storage".
    kind: str
    name: str
    #: Of a bucket.
    server: str = ""

    def __str__(self) -> str:
        return f"{self.kind} “{self.name}”" + (f" on {self.server}" if self.server else "")


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    key: str
    #: Bytes.
    size: int
    #: What it is to its group. A stray lies in a kit avatar's place, but is not of its manifest.
    role: Role

    @property
    def label(self) -> Any:
        """The role, for a reader."""
        return _LABELS[self.role]


@dataclass(kw_only=True)
class Group:
    """A picture: its original or master, and all that was made from it."""

    #: The key of the original or master, or the beginning that its renditions share.
    key: str
    #: The row that needs these files; None makes them orphans.
    row: Model | None = None
    files: list[StoredFile] = field(default_factory=list)
    #: Keys that the row's name lists and storage lacks. The kit promises that there are none.
    missing: tuple[str, ...] = ()
    #: Whether the kit made it.
    kit: bool = False

    @property
    def orphan(self) -> bool:
        return self.row is None

    @property
    def person(self) -> str:
        """The name of whose picture it is; empty for an orphan."""
        if self.row is None:
            return ""
        return display_name(getattr(self.row, "owner", None) or self.row.user)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, kw_only=True)
class Inventory:
    location: Location
    groups: list[Group]

    @property
    def files(self) -> int:
        return sum(len(group.files) for group in self.groups)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(group.size for group in self.groups)

    @property
    def orphans(self) -> list[Group]:
        return [group for group in self.groups if group.orphan]

    @property
    def orphan_files(self) -> int:
        return sum(len(group.files) for group in self.orphans)

    @property
    def missing(self) -> int:
        return sum(len(group.missing) for group in self.groups)


def locate(storage: Storage = default_storage) -> Location:
    """Where a storage keeps its files."""
    storage = unwrap(storage)
    if isinstance(storage, FileSystemStorage):
        return Location(kind="folder", name=storage.location)
    # By what it has, not by its class: django-storages is only there where media are on S3.
    if bucket := getattr(storage, "bucket_name", None):
        name = f"{bucket}/{storage.location}".rstrip("/")
        return Location(kind="bucket", name=name, server=storage.endpoint_url or "Amazon S3")
    return Location(kind="storage", name=type(storage).__name__)


def take_stock(
    prefix: str = "",
    rows: Mapping[str, Model] | None = None,
    storage: Storage = default_storage,
) -> Inventory:
    """List every file whose key begins with the folder ``prefix``.

    The orphans come first, then the people by their names. ``rows`` are those that may need a
    file there, by the name that they hold; without, all of the site.
    """
    storage = unwrap(storage)
    if rows is None:
        rows = _rows()
    groups: dict[str, Group] = {}
    # A row whose files are all gone would otherwise not be seen at all.
    for key, row in rows.items():
        if key.startswith(prefix):
            place = _place(key)
            groups[place] = Group(key=key, row=row, kit=Name.parse(key) is not None)
    # A bucket's listing tells all of this at once, a thousand files to a request.
    for stored in sorted(
        kit_storage.adapter_of(storage).walk(prefix), key=lambda stored: stored.key
    ):
        key = stored.key
        place = _place(key)
        group = groups.setdefault(place, Group(key=place, kit=group_of(key) is not None))
        size = stored.size if stored.size is not None else storage.size(key)
        file = StoredFile(key=key, size=size, role=_role(key, group))
        group.files.append(file)
        if group.orphan and file.role in {"master", "original"}:
            group.key = key
    for group in groups.values():
        needed = Name.parse(group.key)
        keys = needed.files if needed is not None else (group.key,)
        if not group.orphan:
            group.missing = tuple(sorted(set(keys) - {file.key for file in group.files}))
    ordered = sorted(
        groups.values(),
        key=lambda group: (not group.orphan, group.person.casefold(), group.key),
    )
    return Inventory(location=locate(storage), groups=ordered)


def _rows() -> dict[str, Model]:
    """Every row of this app that names a file, by that name."""
    found = {}
    for model in apps.get_app_config("profiles").get_models():
        fields = model._meta.concrete_fields
        # Whose row it is comes along, and their profile, for their name.
        whose = [f"{field.name}__profile" for field in fields if field.one_to_one]
        for file_field in fields:
            if isinstance(file_field, FileField):
                held = model._default_manager.exclude(**{file_field.name: ""})
                for row in held.select_related(*whose):
                    found[getattr(row, file_field.attname).name] = row
    return found


def _place(key: str) -> str:
    """What all files of one picture have in common."""
    if kit := group_of(key):
        return f"{kit.folder}{kit.token}"
    match = _THUMBNAIL.fullmatch(key)
    return match[1] if match else key


def _role(key: str, group: Group) -> Role:
    kit = group_of(key)
    if kit is None:
        return "thumbnail" if _THUMBNAIL.fullmatch(key) else "original"
    if kit.master == key:
        return "master" if group.orphan or group.key == key else "stray"
    if kit.master is not None:
        return "thumbnail"
    name = None if group.orphan else Name.parse(group.key)
    return "rendition" if name is None or key in name.renditions else "stray"
