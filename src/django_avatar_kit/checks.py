"""System checks, each with an id of its own; ``docs/checks.md`` lists them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage, storages
from django.db import connections, router
from django.utils.module_loading import import_string
from PIL import ImageColor

from . import imaging, intake, rows, s3
from .conf import KEYS, SETTING, get_config
from .fallbacks import get_fallbacks
from .names import Name
from .rendering import RESERVED
from .storage import resolve, unwrap

if TYPE_CHECKING:
    from django.core.files.storage import Storage

    from .fields import AvatarField

#: What Pillow's encoders take at most.
BEST_QUALITY = 100


def check_settings(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """``AVATAR_KIT``: keys (E001), values (E002-E006), storages (E007, E015, W002, W003)."""
    given = getattr(settings, SETTING, None) or {}
    messages: list[CheckMessage] = []
    if not isinstance(given, Mapping):
        return [Error(f"{SETTING} is {given!r}, not a dictionary.", id="avatar_kit.E002")]
    for key in sorted(set(given) - KEYS, key=str):
        near = difflib.get_close_matches(str(key).upper(), KEYS, n=1, cutoff=0.0)[0]
        messages.append(
            Error(
                f"{SETTING}[{key!r}] is not a setting of django-avatar-kit.",
                hint=f"Did you mean {near!r}?",
                id="avatar_kit.E001",
            )
        )
    try:
        config = get_config()
    except (TypeError, ValueError, AttributeError) as error:
        messages.append(Error(f"{SETTING} cannot be read: {error}.", id="avatar_kit.E002"))
        return messages
    messages += _check_values(config)
    messages += _check_storages(config)
    return messages


def _check_values(config: Any) -> Iterator[CheckMessage]:
    for name in (
        "master_side",
        "max_upload_size",
        "max_pixels",
        "max_decode_memory",
        "default_size",
    ):
        value = getattr(config, name)
        if not _positive(value):
            yield _bad_value(name, value, "a positive whole number")
    if not isinstance(config.img_attrs, Mapping):
        yield _bad_value("img_attrs", config.img_attrs, "a dictionary")
    elif taken := RESERVED.intersection(config.img_attrs):
        yield _bad_value("img_attrs", config.img_attrs, f"without {sorted(taken)}, the kit's own")
    yield from _check_ladder(config.sizes, config.formats, f"{SETTING}['%s']", None)
    unknown = [f for f in config.upload_formats if f not in intake.READERS]
    if unknown or not config.upload_formats:
        yield _bad_value("upload_formats", unknown, f"some of {sorted(intake.READERS)}")
    for name, value in config.quality.items():
        if name not in imaging.SAVE_OPTIONS or not _positive(value) or value > BEST_QUALITY:
            yield _bad_value(
                "quality", {name: value}, "a whole number from 1 to 100 for a known format"
            )
    if not isinstance(config.delete_files, bool):
        yield _bad_value("delete_files", config.delete_files, "True or False")
    if config.background is not None and not _is_color(config.background):
        yield _bad_value("background", config.background, "a CSS colour, or None")
    yield from _check_display_name(config.display_name)
    yield from _check_fallbacks(config.fallbacks)
    yield from _check_owner(config.owner)


def _check_display_name(name: Any) -> Iterator[CheckMessage]:
    if isinstance(name, str):
        try:
            import_string(name)
        except ImportError as error:
            yield _bad_value("display_name", name, f"importable ({error})")
    elif name is not None and not callable(name):
        yield _bad_value("display_name", name, "a function of the owner, or its dotted path")


def _check_fallbacks(entries: Any) -> Iterator[CheckMessage]:
    if isinstance(entries, str) or not entries:
        yield _bad_value("fallbacks", entries, "one or more names, in a tuple or list")
        return
    try:
        get_fallbacks()
    except (ImproperlyConfigured, ImportError, TypeError) as error:
        yield Error(
            f"{SETTING}['FALLBACKS'] cannot be used: {error}",
            hint="It takes 'initials', 'static', dotted paths, or {'BACKEND': …, 'OPTIONS': …}.",
            id="avatar_kit.E006",
        )


def _check_owner(owner: Any) -> Iterator[CheckMessage]:
    if owner is None:
        return
    if not isinstance(owner, Mapping):
        yield _bad_value("owner", owner, "a dictionary such as {'auth.user': 'profile'}")
        return
    for label, accessor in owner.items():
        try:
            model = apps.get_model(label)
        except (LookupError, ValueError):
            yield _bad_value("owner", {label: accessor}, "keyed by models, as 'auth.user'")
            continue
        # The steps after the first are another model's, or none's until there is a row.
        if not hasattr(model, str(accessor).partition(".")[0]):
            yield _bad_value("owner", {label: accessor}, f"an attribute of {model._meta.label}")


def _bad_value(name: str, value: Any, expected: str) -> Error:
    return Error(
        f"{SETTING}[{name.upper()!r}] is {value!r}.",
        hint=f"It must be {expected}.",
        id="avatar_kit.E003",
    )


def _check_ladder(
    sizes: Sequence[Any], formats: Sequence[Any], where: str, obj: Any
) -> Iterator[CheckMessage]:
    if not sizes or not all(_positive(size) for size in sizes):
        yield Error(
            f"{where % 'SIZES'} is {sizes!r}.",
            hint="It must be one or more positive whole numbers, in px.",
            obj=obj,
            id="avatar_kit.E004",
        )
    unknown = [name for name in formats if name not in imaging.SAVE_OPTIONS]
    if unknown or not formats:
        yield Error(
            f"{where % 'FORMATS'} is {formats!r}.",
            hint=f"It must be one or more of {sorted(imaging.SAVE_OPTIONS)}.",
            obj=obj,
            id="avatar_kit.E005",
        )


def _positive(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_color(value: Any) -> bool:
    try:
        ImageColor.getrgb(value)
    except (ValueError, TypeError, AttributeError):
        return False
    return True


def _check_storages(config: Any) -> Iterator[CheckMessage]:
    for name in ("storage", "rendition_storage"):
        alias = getattr(config, name)
        if alias is None and name == "rendition_storage":
            continue
        try:
            place = unwrap(storages[alias])
        except Exception as error:  # noqa: BLE001 - whatever a storage raises when it is made
            yield Error(
                f"{SETTING}[{name.upper()!r}] is {alias!r}: {error}",
                hint="Name one of the aliases in STORAGES; django-avatar-kit[s3] installs what "
                "storages on S3 need.",
                id="avatar_kit.E007",
            )
            continue
        yield from _check_bucket(place, repr(alias))
        # Without these, Django writes into the working directory and serves from the root.
        if type(place) is FileSystemStorage and not place.base_location:
            yield Warning(
                f"Uploads to the storage {alias!r} go to the working directory.",
                hint="Set MEDIA_ROOT and MEDIA_URL, or the location and base_url of the storage.",
                id="avatar_kit.W002",
            )


def _check_bucket(place: Storage, name: str, obj: Any = None) -> Iterator[CheckMessage]:
    """What ``avatar_doctor`` would say of a storage on S3 before it asks anybody."""
    bucket = s3.bucket_of(place)
    if bucket is None:
        return
    if not bucket.storage.bucket_name:
        yield Error(
            f"The storage {name} has no bucket name.",
            hint="Set bucket_name in its OPTIONS, or AWS_STORAGE_BUCKET_NAME.",
            obj=obj,
            id="avatar_kit.E015",
        )
    if bucket.storage.custom_domain and bucket.storage.url_protocol == "http:":
        yield Warning(
            f"The URLs of the storage {name} begin with http://{bucket.storage.custom_domain}.",
            hint='Set its url_protocol to "https:", which is the default.',
            obj=obj,
            id="avatar_kit.W003",
        )


def check_models(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Models with an ``AvatarField``: the mixin (E010), a database that can lock (E011)."""
    from .models import AvatarMixin  # the app registry must be ready for it

    messages: list[CheckMessage] = []
    aliases: set[str] = set()
    for model in apps.get_models():
        fields = rows.avatar_fields(model)
        if fields and not issubclass(model, AvatarMixin):
            messages.append(
                Error(
                    f"{model._meta.label} has an AvatarField, but is not an AvatarMixin.",
                    hint="Derive it from django_avatar_kit.models.AvatarMixin, whose save() keeps "
                    "the row and the files together.",
                    obj=fields[0],
                    id="avatar_kit.E010",
                )
            )
        if fields:
            aliases.add(router.db_for_write(model))
    messages += [
        Error(
            f"The database “{alias}” can neither lock a row nor return what it has updated.",
            hint="Use SQLite 3.35 or later, or another database.",
            id="avatar_kit.E011",
        )
        for alias in sorted(aliases)
        if not connections[alias].features.has_select_for_update
        and not connections[alias].features.can_return_columns_from_insert
    ]
    return messages


def _longest_name(field: AvatarField) -> int:
    """Characters in the longest name, without what an ``upload_to`` makes of the instance."""
    spec = field.spec
    side = spec.master_side
    name = Name.mint(
        width=side,
        height=side,
        sizes=tuple(spec.sizes),
        formats=tuple(spec.formats),
        crop=(side, side, side, side),
        fit="cover",
        color="000000",
        ext="webp",
    )
    prefix = "" if callable(field.upload_to) else f"{field.upload_to}/"
    return len(prefix) + len(str(name))


def check_field(field: AvatarField) -> Iterator[CheckMessage]:
    """One ``AvatarField``: its ladder (E004, E005), arguments (E012-E014), index (W001), and
    storages of its own (E007, E015, W003).
    """
    if field.sizes is not None:
        yield from _check_ladder(field.sizes, ("webp",), "%s of the field", field)
    if field.formats is not None:
        yield from _check_ladder((1,), field.formats, "%s of the field", field)
    if field.fit not in ("cover", "contain"):
        yield Error(
            f"fit is {field.fit!r}.",
            hint="It must be 'cover' or 'contain'.",
            obj=field,
            id="avatar_kit.E012",
        )
    if field.width_field or field.height_field or field.resize_source:
        yield Error(
            "An AvatarField takes no width_field, height_field or resize_source.",
            hint="The name tells width and height (avatar.width); AVATAR_KIT['MASTER_SIDE'] "
            "bounds the stored original.",
            obj=field,
            id="avatar_kit.E013",
        )
    needed = _longest_name(field)
    if field.max_length is not None and field.max_length < needed:
        yield Error(
            f"max_length is {field.max_length}, and a name of the kit takes up to {needed}.",
            hint=f"Use at least {needed} (255 is the default), a shorter upload_to, fewer sizes.",
            obj=field,
            id="avatar_kit.E014",
        )
    if not field.db_index and not field.unique and not _is_indexed(field):
        yield Warning(
            "The column is not indexed, and every replaced avatar is looked for in it.",
            hint="Leave db_index=True, which is the default, or add an index to Meta.indexes.",
            obj=field,
            id="avatar_kit.W001",
        )
    yield from _check_own_storages(field)


def _check_own_storages(field: AvatarField) -> Iterator[CheckMessage]:
    given = {"storage": field._storage, "thumbnail_storage": field.thumbnail_storage}
    for name, value in given.items():
        if value is None:
            continue
        try:
            place = resolve(value)
        except Exception as error:  # noqa: BLE001 - whatever a storage raises when it is made
            yield Error(
                f"{name} cannot be made: {error}",
                hint="It must be a storage, or a function that returns one.",
                obj=field,
                id="avatar_kit.E007",
            )
            continue
        yield from _check_bucket(place, f"in {name}", field)


def _is_indexed(field: AvatarField) -> bool:
    # Of an index over several columns, only the first can be looked for alone.
    return any(
        index.condition is None and index.fields[:1] in ([field.name], [f"-{field.name}"])
        for index in field.model._meta.indexes
    )
