"""What a field makes of an upload, and where it stores it, by the settings of this moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.core.files.storage import Storage, default_storage

from .columns import AvatarColumn
from .conf import Config, get_config
from .specs import Limits, Spec
from .storage.base import by_alias, resolve

#: An upload may take as long as a plain JPEG of twice ``MAX_PIXELS`` that is decoded in full.
#: With what does not depend on the upload, that is ten times as long as 12 megapixels take. A
#: smaller limit on pixels than the default refuses nothing more for its time.
WORK_PIXEL, LEAST_PIXELS = 2, Config.max_pixels


class FieldSettings(AvatarColumn):
    """The half of ``AvatarField`` that puts its arguments and the settings together.

    Nothing is kept: a setting may change, and no storage is made when a model is imported.
    """

    #: Sides of the renditions in px, if the field has its own.
    sizes: tuple[int, ...] | None
    #: Formats of the renditions, if the field has its own.
    formats: tuple[str, ...] | None
    #: Whether animations keep moving, if the field has its own answer.
    animated: bool | None
    _storage: Storage | Callable[[], Storage] | None

    @property
    def spec(self) -> Spec:  # type: ignore[override]
        """What is made of an upload."""
        config = get_config()
        return Spec(
            sizes=self.sizes or config.sizes,
            formats=self.formats or config.formats,
            quality=config.quality,
            master_side=config.master_side,
            background=config.background,
            fit=self.fit,
            animated=self.is_animated,
        )

    @property
    def is_animated(self) -> bool:  # type: ignore[override]
        """Whether animations keep moving."""
        return get_config().animated if self.animated is None else self.animated

    @property
    def limits(self) -> Limits:  # type: ignore[override]
        """What an upload may be."""
        config = get_config()
        return Limits(
            max_pixels=config.max_pixels,
            formats=config.upload_formats,
            max_memory=config.max_decode_memory,
            max_work=WORK_PIXEL * max(config.max_pixels, LEAST_PIXELS),
        )

    @property
    def storage(self) -> Storage:
        """Where the masters lie."""
        if not hasattr(self, "_storage"):
            # FileField.__init__ would call a callable storage here, at import.
            return default_storage
        try:
            if self._storage is not None:
                return resolve(self._storage)
            return by_alias(get_config().storage)
        except Exception:
            if apps.ready:
                raise
            # django-cleanup asks while Django starts, and only for the class. The system checks,
            # which run later, report a storage that cannot be made.
            return Storage()

    @storage.setter
    def storage(self, value: Any) -> None:
        """FileField.__init__ binds the default storage here; ours stays live."""

    @property
    def rendition_storage(self) -> Storage:  # type: ignore[override]
        """Where the renditions lie."""
        if self.thumbnail_storage is not None:
            return resolve(self.thumbnail_storage)
        if (alias := get_config().rendition_storage) is not None:
            return by_alias(alias)
        return self.storage

    def shares_with(self, other: AvatarColumn) -> bool:
        """Whether one name means the same files for both fields."""
        return self is other or (
            self.storage is other.storage and self.rendition_storage is other.rendition_storage
        )
