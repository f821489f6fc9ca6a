"""Pictures made in memory: any format, mode and metadata that an upload may have."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Literal

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import ExifTags, Image, ImageCms

#: A name or a code as in CSS, or what Pillow takes for the mode: a number, or one for each band.
Color = str | float | tuple[int, ...]

#: Other names that people give to formats, and Pillow's name of each.
_ALIASES = {"JPG": "JPEG", "TIF": "TIFF", "JP2": "JPEG2000", "HEIC": "HEIF"}
#: What is listed where another format is asked for, if Pillow can write it.
_COMMON = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF", "TIFF", "BMP", "ICO", "JPEG2000", "MPO")
_WITH_EXIF = frozenset({"JPEG", "MPO", "PNG", "WEBP", "AVIF", "HEIF", "TIFF"})
_WITH_PROFILE = _WITH_EXIF
#: Modes that an error may list, the usual ones first.
_MODES = ("RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "YCbCr", "HSV", "LAB", "I", "I;16", "F")
#: Modes in which Pillow understands the name of a colour.
_NAMED = frozenset({"RGB", "RGBA", "L", "LA", "P", "1"})


def make_image(
    size: tuple[int, int] = (640, 480),
    color: Color = "teal",
    *,
    format: str = "jpeg",
    mode: str = "RGB",
    orientation: int | None = None,
    gps: tuple[float, float] | None = None,
    exif: Mapping[str, Any] | Image.Exif | bytes | None = None,
    icc_profile: bytes | Literal["sRGB"] | None = None,
    **options: Any,
) -> bytes:
    """An encoded picture of one colour.

    ``size`` is width and height in px, as people see the picture: with an ``orientation`` from 5
    to 8 (of EXIF), the file has them the other way round. ``format`` is any that Pillow can write,
    also one that the kit refuses (``"tiff"``, ``"bmp"``). ``mode`` is one of Pillow's. ``gps`` is
    latitude and longitude in degrees. ``exif`` are tags by their names (``{"Artist": "Jane"}``),
    a block of Pillow's, or the bytes of one. ``icc_profile`` are the bytes of a colour profile, or
    ``"sRGB"``. ``options`` go to Pillow's encoder (``quality=90``, ``comment=b"…"``).

    Raises ``ValueError`` for what no such file can be, and says what is possible.
    """
    writes = _format(format)
    if orientation is not None and orientation not in range(1, 9):
        raise ValueError(f"An orientation is a number from 1 to 8, not {orientation!r}.")
    if orientation is not None or gps is not None or exif is not None:
        _refuse_unless(writes, _WITH_EXIF, "EXIF")
        options["exif"] = _exif(orientation, gps, exif)
    if icc_profile is not None:
        _refuse_unless(writes, _WITH_PROFILE, "a colour profile")
        options["icc_profile"] = _profile(icc_profile)
    stored = size[::-1] if orientation is not None and orientation > 4 else size
    with _picture(stored, color, mode) as picture:
        return _encoded(picture, writes, options)


def make_upload(
    name: str | None = None, content: bytes | None = None, **image: Any
) -> SimpleUploadedFile:
    """An uploaded file as a request brings it.

    Its bytes are ``content``, or else what ``make_image(**image)`` makes. Without a ``name``, it
    is “portrait” with the extension of the format.
    """
    if content is None:
        content = make_image(**image)
    if name is None:
        writes = _format(image.get("format", "jpeg"))
        name = f"portrait.{'jpg' if writes == 'JPEG' else writes.lower()}"
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return SimpleUploadedFile(name, content, content_type=kind)


def _format(given: str) -> str:
    """Pillow's name of a format that it can write."""
    Image.init()
    name = _ALIASES.get(given.upper(), given.upper())
    if name not in Image.SAVE:
        known = ", ".join(each.lower() for each in _COMMON if each in Image.SAVE)
        raise ValueError(f"Pillow cannot write {given!r} here. It can write {known}, and others.")
    return name


def _refuse_unless(writes: str, possible: frozenset[str], what: str) -> None:
    if writes not in possible:
        others = ", ".join(
            each.lower() for each in _COMMON if each in possible & Image.SAVE.keys()
        )
        raise ValueError(f"A {writes} made by Pillow cannot have {what}. These can: {others}.")


def _picture(size: tuple[int, int], color: Color, mode: str) -> Image.Image:
    if mode not in _MODES:
        raise ValueError(f"make_image() makes the modes {', '.join(_MODES)}, not {mode!r}.")
    if not isinstance(color, str) or mode in _NAMED:
        return Image.new(mode, size, color)
    if mode == "LAB":
        raise ValueError("For the mode LAB, give the colour as three numbers, not as a name.")
    picture = Image.new("RGB", size, color)
    # Pillow converts to numbers of 16 bits from grey alone.
    return (picture.convert("L") if mode == "I;16" else picture).convert(mode)


def _encoded(picture: Image.Image, writes: str, options: Mapping[str, Any]) -> bytes:
    buffer = BytesIO()
    try:
        picture.save(buffer, writes, **options)
    except (OSError, KeyError, ValueError) as error:
        possible = [mode for mode in _MODES if _can_write(mode, writes)]
        if picture.mode in possible:
            raise
        raise ValueError(
            f"A {writes} made by Pillow cannot have the mode {picture.mode}. It can have "
            f"{', '.join(possible)}."
        ) from error
    return buffer.getvalue()


def _can_write(mode: str, writes: str) -> bool:
    try:
        Image.new(mode, (16, 16)).save(BytesIO(), writes)
    except (OSError, KeyError, ValueError):
        return False
    return True


def _exif(
    orientation: int | None,
    gps: tuple[float, float] | None,
    given: Mapping[str, Any] | Image.Exif | bytes | None,
) -> bytes:
    tags = Image.Exif()
    if isinstance(given, Image.Exif):
        given = given.tobytes()
    if isinstance(given, bytes):
        tags.load(given)
    for name, value in {} if given is None or isinstance(given, bytes) else given.items():
        tags[_tag(name)] = value
    if orientation is not None:
        tags[ExifTags.Base.Orientation] = orientation
    if gps is not None:
        tags.get_ifd(ExifTags.IFD.GPSInfo).update(_gps(*gps))
    return tags.tobytes()


def _tag(name: str) -> int:
    try:
        return int(ExifTags.Base[name])
    except KeyError:
        raise ValueError(
            f"EXIF has no tag {name!r}. PIL.ExifTags.Base lists them: Artist, Make, Software, "
            "DateTime, …"
        ) from None


def _gps(latitude: float, longitude: float) -> dict[int, Any]:
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise ValueError(
            f"gps is {latitude!r}, {longitude!r}. It is a latitude from -90 to 90 and a longitude "
            "from -180 to 180, in degrees."
        )
    return {
        ExifTags.GPS.GPSLatitudeRef: "N" if latitude >= 0 else "S",
        ExifTags.GPS.GPSLatitude: _degrees(abs(latitude)),
        ExifTags.GPS.GPSLongitudeRef: "E" if longitude >= 0 else "W",
        ExifTags.GPS.GPSLongitude: _degrees(abs(longitude)),
    }


def _degrees(value: float) -> tuple[float, float, float]:
    """Degrees, minutes and seconds."""
    minutes, seconds = divmod(value * 3600, 60)
    return float(minutes // 60), float(minutes % 60), round(seconds, 3)


def _profile(given: bytes | str) -> bytes:
    if given == "sRGB":
        return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    if isinstance(given, str):
        message = f"icc_profile is {given!r}. It is the bytes of a profile, or 'sRGB'."
        raise ValueError(message)  # noqa: TRY004 - another text might be right
    return given
