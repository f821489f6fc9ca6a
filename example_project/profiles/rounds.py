"""One picture, kept in five ways: what the page of the rounds shows and does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.db import models
from django.forms import ModelForm, modelform_factory
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .inventory import Inventory, take_stock
from .models import (
    CleanedPicture,
    KitPicture,
    PlainPicture,
    Round,
    ThumbnailedPicture,
    ThumbnailerPicture,
)

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way to keep a picture."""

    #: In the page's addresses.
    slug: str
    #: The round of the original example; None for what came after it.
    number: int | None
    #: Names of packages and fields are the same in all languages; the rest is translated.
    title: Any
    #: The field as a model declares it, and the markup that shows it.
    declared: str
    shown: str
    #: What to watch for.
    note: Any
    model: type[Round]
    #: Which picture the template draws: "plain", "thumbnail" or "kit".
    look: str

    @property
    def label(self) -> str:
        if self.number is None:
            return "django-avatar-kit"
        return gettext("Round %(number)s") % {"number": self.number}

    @property
    def field(self) -> models.FileField:
        """The one field of the model that holds a file."""
        (field,) = (f for f in self.model._meta.get_fields() if isinstance(f, models.FileField))
        return field

    def row(self, owner: AbstractBaseUser) -> Round | None:
        return self.model._default_manager.filter(owner=owner).first()

    def prefix(self, owner: AbstractBaseUser) -> str:
        """The folder in storage of this owner's files."""
        return self.field.upload_to.prefix(owner.pk)

    def form(self, owner: AbstractBaseUser, upload: UploadedFile | None) -> ModelForm:
        """A bound form of the model's own form field: each is checked as its field checks."""
        name = self.field.name
        files = MultiValueDict({name: [upload]} if upload is not None else {})
        form_class: Any = modelform_factory(self.model, fields=[name])
        return form_class({}, files, instance=self.row(owner) or self.model(owner=owner))


class WayView:
    """A way as one person sees it."""

    def __init__(self, way: Way, owner: AbstractBaseUser) -> None:
        self.way = way
        self.owner = owner
        self.row = way.row(owner)
        if self.row is not None:
            # Its name is asked for, and needs no query.
            self.row.owner = owner
        self.file = getattr(self.row, way.field.name, None)
        self.folder = way.prefix(owner)

    @cached_property
    def stock(self) -> Inventory:
        """What lies in its folder.

        Read when the template asks, which it does below the pictures: easy-thumbnails makes its
        files while they are being shown.
        """
        # Nobody else's row, and none kept in another way, has its file in here.
        return take_stock(self.folder, {self.file.name: self.row} if self.file else {})


WAYS = (
    Way(
        slug="plain",
        number=1,
        title=_("Django alone"),
        declared="picture = models.ImageField(upload_to=…)",
        shown='<img src="{{ row.picture.url }}">',
        note=_(
            "The upload is stored as it came, with its name and its metadata. When it is "
            "replaced or deleted, its file stays for ever."
        ),
        model=PlainPicture,
        look="plain",
    ),
    Way(
        slug="cleanup",
        number=2,
        title="django-cleanup",
        declared='INSTALLED_APPS = [..., "django_cleanup"]',
        shown='<img src="{{ row.picture.url }}">',
        note=_(
            "The replaced file is deleted after the commit. Files that were left behind before "
            "that are still there, and pages still load the whole original."
        ),
        model=CleanedPicture,
        look="plain",
    ),
    Way(
        slug="thumbnails",
        number=3,
        title="easy-thumbnails",
        declared="picture = models.ImageField(upload_to=…)",
        shown="{% thumbnail row.picture 96x96 crop %}",
        note=_(
            "Thumbnails are made while the page is shown. django-cleanup would leave them "
            "behind; the kit deletes them, for stock fields too."
        ),
        model=ThumbnailedPicture,
        look="thumbnail",
    ),
    Way(
        slug="thumbnailer",
        number=4,
        title="ThumbnailerImageField",
        declared="picture = ThumbnailerImageField(upload_to=…)",
        shown="{% thumbnail row.picture 96x96 crop %}",
        note=_(
            "The field deletes its thumbnails together with the file. Each thumbnail still "
            "costs a full decode, a query and a look at the storage."
        ),
        model=ThumbnailerPicture,
        look="thumbnail",
    ),
    Way(
        slug="kit",
        number=None,
        title="AvatarField",
        declared="class Profile(AvatarMixin, models.Model): …",
        shown="{% avatar row 96 %}",
        note=_(
            "The upload is checked, cleaned and cut into all sizes once. Pages ask neither the "
            "database nor the storage, and all files are deleted together."
        ),
        model=KitPicture,
        look="kit",
    ),
)

WAYS_BY_SLUG = {way.slug: way for way in WAYS}
KIT = WAYS_BY_SLUG["kit"]


def send(upload: UploadedFile | None, ways: Sequence[Way], owner: AbstractBaseUser) -> list[str]:
    """Keep a picture in these ways; returns what their fields had to say against it.

    If the kit is among them, no other takes what the kit refuses: its check is the strictest.
    """
    forms = []
    if KIT in ways:
        form = KIT.form(owner, upload)
        if not form.is_valid():
            return _errors(KIT, form)
        forms.append(form)
    errors = []
    for way in ways:
        if way is KIT:
            continue
        # A large upload is a temporary file, which the first to save it would move away.
        form = way.form(owner, upload if len(ways) == 1 else _copy(upload))
        if form.is_valid():
            forms.append(form)
        else:
            errors += _errors(way, form)
    for form in forms:
        form.save()
    return errors


def _copy(upload: UploadedFile) -> UploadedFile:
    upload.seek(0)
    return SimpleUploadedFile(upload.name, upload.read(), upload.content_type)


def _errors(way: Way, form: ModelForm) -> list[str]:
    return [f"{way.label}: {error}" for errors in form.errors.values() for error in errors]
