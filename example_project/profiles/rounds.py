"""The lanes of the rounds page: one picture, kept in five ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.db import models
from django.forms import ModelForm, modelform_factory
from django.utils.datastructures import MultiValueDict

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
class Lane:
    """A way to keep a picture."""

    #: In the page's addresses.
    slug: str
    label: str
    title: str
    #: The field as a model declares it, and the markup that shows it.
    declared: str
    shown: str
    #: What to watch for.
    note: str
    model: type[Round]
    #: Which picture the template draws: "plain", "thumbnail" or "kit".
    look: str

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
        """A bound form of the model's own form field: each lane checks as its field does."""
        name = self.field.name
        files = MultiValueDict({name: [upload]} if upload is not None else {})
        form_class: Any = modelform_factory(self.model, fields=[name])
        return form_class({}, files, instance=self.row(owner) or self.model(owner=owner))


class LaneView:
    """A lane as one person sees it."""

    def __init__(self, lane: Lane, owner: AbstractBaseUser) -> None:
        self.lane = lane
        self.owner = owner
        self.row = lane.row(owner)
        if self.row is not None:
            # Its name is asked for, and needs no query.
            self.row.owner = owner
        self.file = getattr(self.row, lane.field.name, None)
        self.folder = lane.prefix(owner)

    @cached_property
    def stock(self) -> Inventory:
        """What lies in the lane's folder.

        Read when the template asks, which it does below the pictures: easy-thumbnails makes its
        files while they are being shown.
        """
        # Nobody else's row, and none of another lane, has its file in here.
        return take_stock(self.folder, {self.file.name: self.row} if self.file else {})


LANES = (
    Lane(
        slug="plain",
        label="Round 1",
        title="Django alone",
        declared="picture = models.ImageField(upload_to=…)",
        shown='<img src="{{ row.picture.url }}">',
        note=(
            "The upload is stored as it came, with its name and its metadata. Replaced or "
            "deleted, it stays in storage for ever."
        ),
        model=PlainPicture,
        look="plain",
    ),
    Lane(
        slug="cleanup",
        label="Round 2",
        title="django-cleanup",
        declared='INSTALLED_APPS = [..., "django_cleanup"]',
        shown='<img src="{{ row.picture.url }}">',
        note=(
            "The replaced file goes after commit. What was left behind before django-cleanup was "
            "installed is still there, and every page still ships the whole original."
        ),
        model=CleanedPicture,
        look="plain",
    ),
    Lane(
        slug="thumbnails",
        label="Round 3",
        title="easy-thumbnails",
        declared="picture = models.ImageField(upload_to=…)",
        shown="{% thumbnail row.picture 96x96 crop %}",
        note=(
            "Thumbnails are cut while the page is drawn. django-cleanup knows nothing of them, so "
            "they would pile up; the kit's handler takes them along, for stock fields too."
        ),
        model=ThumbnailedPicture,
        look="thumbnail",
    ),
    Lane(
        slug="thumbnailer",
        label="Round 4",
        title="ThumbnailerImageField",
        declared="picture = ThumbnailerImageField(upload_to=…)",
        shown="{% thumbnail row.picture 96x96 crop %}",
        note=(
            "easy-thumbnails' own field removes its thumbnails together with the file. Each of "
            "them still costs a full decode, a query and a look at storage."
        ),
        model=ThumbnailerPicture,
        look="thumbnail",
    ),
    Lane(
        slug="kit",
        label="The kit",
        title="AvatarField",
        declared="class Profile(AvatarMixin, models.Model): …",
        shown="{% avatar row 96 %}",
        note=(
            "Checked, cleaned and cut into all sizes once, when it arrives. The page asks neither "
            "the database nor the storage, and all files go together."
        ),
        model=KitPicture,
        look="kit",
    ),
)

LANES_BY_SLUG = {lane.slug: lane for lane in LANES}
KIT = LANES_BY_SLUG["kit"]


def send(upload: UploadedFile | None, lanes: Sequence[Lane], owner: AbstractBaseUser) -> list[str]:
    """Put a picture into the lanes; returns what they had to say against it.

    Several lanes take the picture only if the kit does, whose check is the strictest.
    """
    forms = []
    if KIT in lanes:
        form = KIT.form(owner, upload)
        if not form.is_valid():
            return _errors(KIT, form)
        forms.append(form)
    errors = []
    for lane in lanes:
        if lane is KIT:
            continue
        # A large upload is a temporary file, which the first lane to save it would move away.
        form = lane.form(owner, upload if len(lanes) == 1 else _copy(upload))
        if form.is_valid():
            forms.append(form)
        else:
            errors += _errors(lane, form)
    for form in forms:
        form.save()
    return errors


def _copy(upload: UploadedFile) -> UploadedFile:
    upload.seek(0)
    return SimpleUploadedFile(upload.name, upload.read(), upload.content_type)


def _errors(lane: Lane, form: ModelForm) -> list[str]:
    return [f"{lane.label}: {error}" for errors in form.errors.values() for error in errors]
