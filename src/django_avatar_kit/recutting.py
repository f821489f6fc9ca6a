"""From a stored master: other renditions, or another part of it. The master's bytes stay.

recut     the renditions that the field asks for today, of the part that was chosen
recrop    the renditions of another part

Both read from storage, and write nothing: ``pipeline.store`` does, under a new name.
"""

from __future__ import annotations

import io
import logging
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from . import pipeline
from .exceptions import AvatarError, InvalidCrop, StorageError, UploadError
from .formats import has_alpha, rendition_encoders, with_extension
from .specs import Limits
from .storage import base as storage
from .uploads import geometry, imaging, intake
from .wording import picture_size

if TYPE_CHECKING:
    from .columns import AvatarColumn
    from .names import Box, Name
    from .specs import Spec

logger = logging.getLogger(__name__)


def recut(name: Name, field: AvatarColumn, *, copy: bool) -> pipeline.Cut:
    """The same master, crop and colour, with the renditions that the field asks for today.

    They are cut from the master, or from the largest rendition if that has more pixels; those that
    move, which never have more than the master, always from it. With
    ``copy``, the bytes of that rendition are kept if it is still wanted, instead of encoding it
    once more. Raises ``StorageError`` if the master cannot be read.
    """
    spec = _spec_for(name, field)
    master, crop, color = _read_master(name, field), name.crop, name.color
    renditions = None
    if available_side(name, spec) > _master_side(name, spec):
        renditions = _cut_from_rendition(name, field, copy=copy)
    if renditions is None or name.animated:
        picture = _decode(master.data, str(name), spec, (name.width, name.height), crop)
        if renditions is not None:
            sizes = sorted({each.size for each in renditions})
            renditions += tuple(imaging.encode_moving(picture, spec, sizes))
        else:
            renditions = imaging.encode_renditions(picture, spec)
        if has_other_fit(name, spec):
            crop = imaging.master_crop(picture, _unshrunk(name, spec))
            color = imaging.average_color(picture, spec)
    return pipeline.Cut(master=master, renditions=renditions, crop=crop, fit=spec.fit, color=color)


def recrop(name: Name, field: AvatarColumn, crop: Box | None) -> pipeline.Cut:
    """The same master, and renditions of another part of it.

    ``crop`` is what :func:`checked_crop` returned, None for the automatic square. Raises
    ``StorageError`` if the master cannot be read.
    """
    spec = _spec_for(name, field)
    master = _read_master(name, field)
    try:
        picture = _decode(master.data, str(name), spec, (name.width, name.height), crop)
    except UploadError as error:
        # Nobody has uploaded it now.
        raise StorageError(key=str(name), reason=error, action="read") from error
    return pipeline.Cut(
        master=master,
        renditions=imaging.encode_renditions(picture, spec),
        crop=imaging.master_crop(picture, _unshrunk(name, spec)),
        fit=spec.fit,
        color=imaging.average_color(picture, spec),
    )


def checked_crop(crop: object, name: Name, spec: Spec) -> Box:
    """A crop box in px of a master. Raises ``InvalidCrop`` if it does not lie in it."""
    filename = PurePosixPath(str(name)).name
    box = intake.checked_crop(crop, filename, square=spec.fit == "cover")
    if geometry.clipped(box, (name.width, name.height)) != box:
        reason = picture_size(name.width, name.height)
        raise InvalidCrop(filename=filename, crop=crop, reason=reason)
    return box


def _spec_for(name: Name, field: AvatarColumn) -> Spec:
    """What the field asks for today. What moves keeps moving, whatever it asks of uploads."""
    return replace(field.spec, animated=name.animated)


def _read_master(name: Name, field: AvatarColumn) -> imaging.Encoded:
    return imaging.Encoded(
        data=storage.read(field.storage, str(name)),
        format=with_extension(name.ext) or name.ext,
        size=0,
        width=name.width,
        height=name.height,
    )


def _unshrunk(name: Name, spec: Spec) -> Spec:
    """For a master that is kept at its size, whatever size a new one would have."""
    return replace(spec, master_side=max(name.width, name.height))


def _cut_from_rendition(
    name: Name, field: AvatarColumn, *, copy: bool
) -> tuple[imaging.Encoded, ...] | None:
    """Renditions cut from the largest one; None if it cannot be read in any of its formats."""
    size = name.sizes[-1]
    # It is square already, with a border where the whole picture had to fit in.
    spec = replace(field.spec, fit="cover")
    # Formats without transparency last.
    for format_ in sorted(name.formats, key=has_alpha, reverse=True):
        key = name.rendition(size, format_)
        try:
            data = storage.read(field.rendition_storage, key)
            picture = _decode(data, key, spec, (size, size), None)
        except AvatarError as error:
            logger.warning("Cannot rebuild from “%s”: %s", key, error)
            continue
        return tuple(
            replace(new, data=data) if copy and (new.size, new.format) == (size, format_) else new
            for new in imaging.encode_renditions(picture, spec)
        )
    return None


def _decode(
    data: bytes, key: str, spec: Spec, size: tuple[int, int], crop: Box | None
) -> imaging.Picture:
    """Decode one of the kit's own files, even if the limits of uploads are stricter by now."""
    return imaging.load(
        io.BytesIO(data),
        filename=PurePosixPath(key).name,
        limits=Limits(max_pixels=size[0] * size[1], formats=tuple(rendition_encoders())),
        # Only renditions are made of it, so that it need not be decoded at the master's size. What
        # moves is kept at one size for both.
        spec=replace(spec, master_side=max(size) if spec.animated else 1),
        crop=crop,
    )


def has_other_fit(name: Name, spec: Spec) -> bool:
    if name.crop is None:
        return name.fit != spec.fit
    # A crop box does not tell the fit, and a square one gives the same picture with either.
    # The sides of a square box may differ by one pixel, since they were rounded.
    _x, _y, width, height = name.crop
    return spec.fit == "cover" and abs(width - height) > 1


def available_side(name: Name, spec: Spec) -> int:
    """The side in px of the largest square rendition that can be made without upscaling.

    The master of a panorama was shrunk on its long side, and may have fewer pixels on the short
    one than its largest rendition has.
    """
    side = _master_side(name, spec)
    return side if has_other_fit(name, spec) else max(side, name.sizes[-1])


def _master_side(name: Name, spec: Spec) -> int:
    """The side in px of the largest square rendition that can be made of the master."""
    _x, _y, width, height = name.crop or (0, 0, name.width, name.height)
    return max(width, height) if spec.fit == "contain" else min(width, height)
