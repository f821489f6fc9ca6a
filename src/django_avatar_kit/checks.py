"""System checks, each with an id of its own; ``docs/reference/checks.md`` lists them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage, Storage
from django.db import connections, router
from django.utils.module_loading import import_string
from PIL import ImageColor

from .columns import avatar_fields, file_columns
from .conf import KEYS, SETTING, Config, get_config, is_list_of, is_text, is_whole, read
from .display import owners
from .display.absolute_urls import BASE_URL
from .display.html import attribute_names, take_placeholder
from .fallbacks import ALWAYS, BUILTINS, Fallback, Gravatar, make_fallback
from .formats import ALPHA_MASTER, FORMATS, rendition_encoders
from .lifecycle.tables import has_null_against
from .models import AvatarMixin
from .names import Name, random_ids
from .storage import s3
from .storage.base import adapter_of, by_alias, resolve

if TYPE_CHECKING:
    from django.db.models import Model

    from .fields import AvatarField

#: The ids of wrong values, where a key does not share ``avatar_kit.E003`` with others.
_ID_OF = {
    "sizes": "avatar_kit.E004",
    "formats": "avatar_kit.E005",
    "storage": "avatar_kit.E007",
    "rendition_storage": "avatar_kit.E007",
}


def check_settings(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """``AVATAR_KIT``: keys (E001), values (E002-E006), storages (E007, E015, W002, W003).

    Gravatar where it is never asked is W005, fallbacks for missing files in production W007.
    """
    try:
        values, wrong = read()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="avatar_kit.E002")]
    messages: list[CheckMessage] = []
    for key in sorted(set(getattr(settings, SETTING, None) or {}) - KEYS, key=str):
        (near,) = difflib.get_close_matches(str(key).upper(), KEYS, n=1, cutoff=0.0)
        message = f"{SETTING}[{key!r}] is not a setting of django-avatar-kit."
        messages.append(Error(message, hint=f"Did you mean {near!r}?", id="avatar_kit.E001"))
    messages += [_bad_value(name, *said) for name, said in wrong.items()]
    # Those values are replaced by the defaults, so that all others are checked nevertheless.
    config = Config(**values)
    messages += [*_check_values(config), *_check_storages(config)]
    if config.fallback_if_missing and not settings.DEBUG:
        message = f"{SETTING}['FALLBACK_IF_MISSING'] is on, and DEBUG is off."
        hint = (
            "Set it in the settings for development only. Each avatar on a page costs a look into "
            "the storage."
        )
        messages.append(Warning(message, hint=hint, id="avatar_kit.W007"))
    return messages


def _check_values(config: Config) -> Iterator[CheckMessage]:
    for option in fields(Config):
        value = getattr(config, option.name)
        if option.type == "int" and value < 1:
            yield _bad_value(option.name, value, "a positive whole number")
    yield from _check_renditions(config.sizes, config.formats, f"{SETTING}['%s']", None)
    given = config.upload_formats
    if not given or set(given) - set(FORMATS) or len(set(given)) < len(given):
        yield _bad_value("upload_formats", given, f"one or more of {sorted(FORMATS)}, each once")
    for key in given:
        package = FORMATS[key].package if key in FORMATS else None
        if package is not None and find_spec(package) is None:
            message = f"{SETTING}['UPLOAD_FORMATS'] has {key!r}, and {package} is not installed."
            hint = f"Install it: pip install django-avatar-kit[{key}]"
            yield Error(message, hint=hint, id="avatar_kit.E003")
    for name, value in config.quality.items():
        if name not in rendition_encoders() or not 1 <= value <= 100:
            expected = "a whole number from 1 to 100 for a known format"
            yield _bad_value("quality", {name: value}, expected)
    try:
        ImageColor.getrgb("white" if config.background is None else config.background)
    except ValueError:
        yield _bad_value("background", config.background, "a CSS colour, or None")
    try:
        take_placeholder(attribute_names(config.img_attrs))
    except TypeError as error:
        expected = f"a dictionary of HTML attributes ({error})"
        yield _bad_value("img_attrs", config.img_attrs, expected)
    if config.base_url is not None and not BASE_URL.fullmatch(config.base_url):
        yield _bad_value(
            "base_url", config.base_url, "a scheme and a host, as 'https://example.org', or None"
        )
    yield from _check_display_name(config.display_name)
    yield from _check_fallbacks(config.fallbacks)
    yield from _check_owner(config.owner)


def _check_display_name(given: Callable[[Any], str] | str | None) -> Iterator[CheckMessage]:
    try:
        if isinstance(given, str) and not callable(import_string(given)):
            yield _bad_value("display_name", given, "the dotted path of a function of the owner")
    except Exception as error:  # noqa: BLE001 - importing a module may raise anything
        yield _bad_value("display_name", given, f"importable ({error})")


def _check_fallbacks(entries: Sequence[Any]) -> Iterator[CheckMessage]:
    if not entries:
        yield _bad_value("fallbacks", entries, "one or more names, in a tuple or list")
    made: list[Fallback] = []
    try:
        made.extend(map(make_fallback, entries))
    except Exception as error:  # noqa: BLE001 - a site's own fallback may raise anything
        message = f"{SETTING}['FALLBACKS'] cannot be used: {error}"
        hint = (
            f"It takes {', '.join(map(repr, BUILTINS))}, dotted paths, or "
            "{'BACKEND': …, 'OPTIONS': …}."
        )
        yield Error(message, hint=hint, id="avatar_kit.E006")
    answers = next((n for n, each in enumerate(made) if type(each) in ALWAYS), len(made))
    if any(isinstance(each, Gravatar) for each in made[answers:]):
        message = f"{SETTING}['FALLBACKS'] lists Gravatar behind a fallback that always answers."
        hint = "Put it first: those behind it are for owners without an e-mail address."
        yield Warning(message, hint=hint, id="avatar_kit.W005")


def _check_owner(owner: Mapping[str, str] | None) -> Iterator[CheckMessage]:
    for label, accessor in (owner or {}).items():
        try:
            model = apps.get_model(label)
        except (LookupError, ValueError):
            yield _bad_value("owner", {label: accessor}, "keyed by models, as 'auth.user'")
            continue
        # Only the first step is an attribute of this model.
        if not hasattr(model, accessor.partition(".")[0]):
            yield _bad_value("owner", {label: accessor}, f"an attribute of {model._meta.label}")


def _bad_value(name: str, value: Any, expected: str) -> Error:
    message = f"{SETTING}[{name.upper()!r}] is {value!r}."
    hint = f"It must be {expected}."
    return Error(message, hint=hint, id=_ID_OF.get(name, "avatar_kit.E003"))


def _check_renditions(sizes: Any, formats: Any, where: str, obj: Any) -> Iterator[CheckMessage]:
    """Sizes (E004) and formats (E005) of the settings or of a field, which may be anything."""
    if not is_list_of(is_whole)(sizes) or not sizes or min(sizes) < 1:
        hint = "It must be one or more positive whole numbers, in px."
        message = f"{where % 'SIZES'} is {sizes!r}."
        yield Error(message, hint=hint, obj=obj, id="avatar_kit.E004")
    if not is_list_of(_is_format)(formats) or not formats or len(set(formats)) < len(formats):
        hint = f"It must be one or more of {sorted(rendition_encoders())}, each once."
        message = f"{where % 'FORMATS'} is {formats!r}."
        yield Error(message, hint=hint, obj=obj, id="avatar_kit.E005")


def _is_format(value: Any) -> bool:
    return is_text(value) and value in rendition_encoders()


def _check_storages(config: Config) -> Iterator[CheckMessage]:
    for name in ("storage", "rendition_storage"):
        if (alias := getattr(config, name)) is None:
            continue
        try:
            place = by_alias(alias)
        except Exception as error:  # noqa: BLE001 - making a storage may raise anything
            message = f"{SETTING}[{name.upper()!r}] is {alias!r}: {error}"
            installs = "django-avatar-kit[s3] installs what storages on S3 need."
            hint = f"Name one of the aliases in STORAGES; {installs}"
            yield Error(message, hint=hint, id="avatar_kit.E007")
            continue
        yield from _check_bucket(place, repr(alias))
        if type(place) is FileSystemStorage and not place.base_location:
            message = f"Uploads to the storage {alias!r} go to the working directory."
            hint = "Set MEDIA_ROOT and MEDIA_URL, or the location and base_url of the storage."
            yield Warning(message, hint=hint, id="avatar_kit.W002")


def _check_bucket(place: Storage, name: str, obj: Any = None) -> Iterator[CheckMessage]:
    """What ``avatar_doctor`` would say of a storage on S3 before it asks anybody."""
    bucket: Any = adapter_of(place)
    problems = bucket.problems() if isinstance(bucket, s3.Bucket) else ()
    if "no bucket" in problems:
        message = f"The storage {name} has no bucket name."
        hint = "Set bucket_name in its OPTIONS, or AWS_STORAGE_BUCKET_NAME."
        yield Error(message, hint=hint, obj=obj, id="avatar_kit.E015")
    if "http" in problems:
        domain = bucket.storage.custom_domain
        message = f"The URLs of the storage {name} begin with http://{domain}."
        hint = 'Set its url_protocol to "https:", which is the default.'
        yield Warning(message, hint=hint, obj=obj, id="avatar_kit.W003")


def check_models(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Models with an ``AvatarField``: the mixin (E010), a database that can lock (E011), and
    owners with two profiles (W006).
    """
    models = [model for model in apps.get_models() if avatar_fields(model)]
    return [*_check_models(models), *_check_owners(models)]


def _check_models(models: list[type[Model]]) -> Iterator[CheckMessage]:
    for model in models:
        if not issubclass(model, AvatarMixin):
            message = f"{model._meta.label} has an AvatarField, but is not an AvatarMixin."
            hint = (
                "Derive it from django_avatar_kit.models.AvatarMixin, whose save() keeps the row "
                "and the files together."
            )
            yield Error(message, hint=hint, obj=avatar_fields(model)[0], id="avatar_kit.E010")
    for alias in sorted({router.db_for_write(model) for model in models}):
        can = connections[alias].features
        if not can.has_select_for_update and not can.can_return_columns_from_insert:
            message = (
                f"The database “{alias}” can neither lock a row nor return what it has updated."
            )
            hint = "Use SQLite 3.35 or later, or another database."
            yield Error(message, hint=hint, id="avatar_kit.E011")


def _check_owners(models: list[type[Model]]) -> Iterator[CheckMessage]:
    try:
        get_config()
    except ImproperlyConfigured:
        # Which is what check_settings() says, and nothing can be said of OWNER.
        return
    found = {link.related_model for link in map(owners.link_of, models) if link is not None}
    for owner in sorted(found, key=lambda model: model._meta.label):
        if problem := _ambiguity(owner):
            hint = "Or keep only one of them. Until then, {% avatar %} raises this as an error."
            yield Warning(problem, hint=hint, obj=owner, id="avatar_kit.W006")


def _ambiguity(owner: type[Model]) -> str:
    """What is wrong where an owner has two profiles with an avatar; else ""."""
    try:
        owners.steps_to_avatar(owner)
    except ImproperlyConfigured as error:
        return str(error)
    except TypeError:
        # The profile has no related_name, so that nothing leads from the owner to it.
        return ""
    return ""


def check_columns(
    app_configs: Any = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Columns in the database that have NULL in them, though their field takes none (W004).

    Run by ``migrate``, before it begins, and by ``check --database``.
    """
    return [
        Warning(
            f"{field.model._meta.db_table}.{field.column} in “{alias}” is NULL in some rows, and "
            f"{field.model._meta.label}.{field.name} takes no NULL.",
            hint="A migration that makes the column NOT NULL may fail on these rows. Declare the "
            f"field on the model: {field.name} = AvatarField(blank=True, null=True); or set the "
            f'rows to "" first.',
            obj=field,
            id="avatar_kit.W004",
        )
        for alias in databases or ()
        for field in file_columns()
        if has_null_against(field, alias)
    ]


def _longest_name(field: AvatarField) -> int:
    """Characters in the longest name, without what a callable ``upload_to`` adds.

    0 where wrong settings allow no name, which :func:`check_settings` reports.
    """
    try:
        spec = field.spec
    except ImproperlyConfigured:
        return 0
    side = spec.master_side
    name = Name(
        *random_ids(),
        width=side,
        height=side,
        sizes=tuple(spec.sizes),
        formats=tuple(spec.formats),
        crop=(side, side, side, side),
        fit="cover",
        color="000000",
        ext=FORMATS[ALPHA_MASTER].extension,
        animated=bool(spec.animated),
    )
    prefix = "" if callable(field.upload_to) else f"{field.upload_to}/"
    return len(prefix) + len(str(name))


def check_field(field: AvatarField) -> Iterator[CheckMessage]:
    """One ``AvatarField``: its renditions (E004, E005), arguments (E012-E014, E016), index (W001),
    and storages of its own (E007, E015, W003).
    """
    sizes = (1,) if field.sizes is None else field.sizes
    formats = ("webp",) if field.formats is None else field.formats
    wrong = list(_check_renditions(sizes, formats, "%s of the field", field))
    yield from wrong
    if field.fit not in ("cover", "contain"):
        hint = "It must be 'cover' or 'contain'."
        yield Error(f"fit is {field.fit!r}.", hint=hint, obj=field, id="avatar_kit.E012")
    animated: Any = field.animated
    if animated is not None and not isinstance(animated, bool):
        hint = "It must be True or False, or None for AVATAR_KIT['ANIMATED']."
        yield Error(f"animated is {animated!r}.", hint=hint, obj=field, id="avatar_kit.E016")
    if field.width_field or field.height_field or field.resize_source:
        message = "An AvatarField takes no width_field, height_field or resize_source."
        hint = (
            "Remove them. avatar.avatar_name has the width and height of the stored original; "
            "AVATAR_KIT['MASTER_SIDE'] limits them."
        )
        yield Error(message, hint=hint, obj=field, id="avatar_kit.E013")
    needed = 0 if wrong else _longest_name(field)
    given = field.max_length
    if given is not None and not (isinstance(given, int) and given >= needed):
        message = f"max_length is {given!r}, and a name of the kit takes up to {needed}."
        hint = f"Use at least {needed} (255 is the default), a shorter upload_to, fewer sizes."
        yield Error(message, hint=hint, obj=field, id="avatar_kit.E014")
    if not field.db_index and not field.unique and not _is_indexed(field):
        message = "The column is not indexed, and every replaced avatar is looked for in it."
        hint = "Leave db_index=True, which is the default, or add an index to Meta.indexes."
        yield Warning(message, hint=hint, obj=field, id="avatar_kit.W001")
    yield from _check_own_storages(field)


def _check_own_storages(field: AvatarField) -> Iterator[CheckMessage]:
    given = {"storage": field._storage, "thumbnail_storage": field.thumbnail_storage}
    for name, value in given.items():
        if value is None:
            continue
        try:
            place: Any = resolve(value)
        except Exception as error:  # noqa: BLE001 - making a storage may raise anything
            wrong = f"{name} cannot be made: {error}"
        else:
            if isinstance(place, Storage):
                yield from _check_bucket(place, f"in {name}", field)
                continue
            wrong = f"{name} is {place!r}, which is no storage."
        hint = "It must be a storage, or a function that returns one."
        yield Error(wrong, hint=hint, obj=field, id="avatar_kit.E007")


def _is_indexed(field: AvatarField) -> bool:
    # An index over several columns serves a search for the first of them.
    return any(
        index.condition is None and index.fields[:1] in ([field.name], [f"-{field.name}"])
        for index in field.model._meta.indexes
    )
