"""What the widget's script is told in the HTML, as JSON: the server's limits, texts, and a master.

So the browser refuses what the server would refuse, with the same sentence.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, reverse
from django.utils.formats import get_format
from django.utils.html import escape
from django.utils.translation import gettext

from . import exceptions
from .conf import get_config
from .display import sealed
from .formats import FORMATS, REFUSED, label_of, media_type_of
from .missing_files import locator
from .rendering import has_avatar
from .uploads import geometry
from .wording import any_of, megapixels, size_text

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from .fields import AvatarFieldFile
    from .specs import Spec

#: How long a form may be open, and the URL of a master is good.
MASTER_HOURS = 24
#: Characters of the seal in that URL: of 1,200 bytes, most of which a primary key may take.
LONGEST_SEAL = 2_000


def _to_json(value: Any) -> SafeString:
    """For an attribute, escaped: Jinja2 escapes quotes in another way than Django."""
    # Lazy translations become texts; of the others, most are not ASCII.
    return escape(json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False))


def hint() -> str:
    """What may be chosen, as people read it before they choose."""
    return gettext("%(formats)s, at most %(limit)s.") % {
        "formats": any_of([label_of(each) for each in get_config().upload_formats]),
        "limit": size_text(get_config().max_upload_size),
    }


def words() -> dict[str, str]:
    """What the template says, for engines that cannot translate as well."""
    return {
        "another": gettext("Choose another picture"),
        "choose": gettext("Choose a picture"),
        "camera": gettext("Take a photo"),
        "adjust": gettext("Move and zoom"),
        "remove": gettext("Remove picture"),
        "undo": gettext("Undo"),
        "ways": gettext("You can also drop or paste it here."),
        "stage": gettext(
            "Part of the picture: move it with the arrow keys, zoom with plus and minus"
        ),
        "controls": gettext("Zoom and position"),
        "zoom_out": gettext("Zoom out"),
        "zoom_in": gettext("Zoom in"),
        "zoom": gettext("Zoom"),
        "left": gettext("Move the picture left"),
        "up": gettext("Move the picture up"),
        "down": gettext("Move the picture down"),
        "right": gettext("Move the picture right"),
        "upload": gettext("Upload"),
        "cancel": gettext("Cancel"),
    }


def limits(spec: Spec, *, crops: bool) -> SafeString:
    """Bytes, pixels and formats of an upload, and the pixels that a field can use."""
    config = get_config()
    patterns = {key: row.signature for key, row in FORMATS.items()} | REFUSED
    return _to_json(
        {
            "bytes": config.max_upload_size,
            "pixels": config.max_pixels,
            # Python's patterns for bytes are JavaScript's for characters up to U+00FF.
            "formats": [
                {
                    "label": label_of(key),
                    "type": media_type_of(key) if key in FORMATS else "",
                    "allowed": key in FORMATS and key in config.upload_formats,
                    "pattern": pattern.pattern.decode("ascii"),
                }
                for key, pattern in patterns.items()
            ],
            # Whether a square of the picture may be chosen.
            "crop": crops and spec.fit == "cover",
            # Px of the master's long side, and of the largest rendition's.
            "master": spec.master_side,
            "rendition": max(spec.sizes),
            # Whether an animation is sent as it is.
            "animated": spec.animated,
        }
    )


def master(file: AvatarFieldFile | None) -> SafeString:
    """Where the stored master is, and what of it is shown; "null" where none can be cropped.

    The master shows what the crop hides. So its key is not in the page, but a URL that says
    nothing to anybody else, and that is good for a day.
    """
    name = None if file is None else file.avatar_name
    if file is None or name is None or not has_avatar(file) or file.instance.pk is None:
        return _to_json(None)
    if locator()(file)[2] is None:
        # Not in the storage of a developer.
        return _to_json(None)
    row = file.instance
    what = [row._meta.label_lower, row.pk, file.field.name, row._state.db, name.token]
    content = json.dumps([_hours(), *what], cls=DjangoJSONEncoder, separators=(",", ":"))
    try:
        url = reverse("avatar_kit:master", args=[sealed.seal(content.encode(), "master.")])
    except NoReverseMatch:
        return _to_json(None)
    size = name.width, name.height
    box = geometry.selection(size, name.crop, file.field.spec)
    return _to_json({"url": url, "token": name.token, "size": size, "box": box})


def unseal_master(text: str) -> list[Any] | None:
    """Label of the model, primary key, field, database alias and token; None if it has expired."""
    content = sealed.unseal(text, "master.", LONGEST_SEAL)
    if content is None:
        return None
    hours, *what = json.loads(content)
    if isinstance(what[1], list):
        # A composite primary key.
        what[1] = tuple(what[1])
    return what if _hours() - hours <= MASTER_HOURS else None


def _hours() -> int:
    # So that the URL stays the same for an hour, and the browser need not load it again.
    return int(time.time()) // 3600


def texts() -> SafeString:
    """What the script says. It fills in ``%(name)s`` as Python does."""
    config = get_config()
    server: dict[str, Any] = {
        "empty": exceptions.EmptyUpload.message,
        "tooLarge": exceptions.UploadTooLarge.message,
        "notAnImage": exceptions.NotAnImage.message,
        "svg": exceptions.SvgUpload.message,
        "unsupported": exceptions.UnsupportedFormat.message,
        "tooManyPixels": exceptions.TooManyPixels.message,
    }
    own = {
        "unreadable": gettext("“%(filename)s” cannot be read. Choose it again."),
        "several": gettext("Choose one picture, not several."),
        "chosen": gettext("“%(filename)s” is chosen. Move and zoom it, or save it as it is."),
        "chosenWhole": gettext("“%(filename)s” is chosen."),
        "noPreview": gettext(
            "“%(filename)s” is chosen. Your browser cannot show it, so it is cut in the middle."
        ),
        "adjusting": gettext("Move and zoom the picture, then save."),
        "removed": gettext("The picture will be removed when you save."),
        "undone": gettext("Nothing will be changed."),
        "position": gettext(
            "%(left)s%% from the left, %(top)s%% from the top, enlarged to %(zoom)s%%."
        ),
        "zoom": gettext("%(zoom)s%%"),
        "noMaster": gettext("The picture cannot be loaded. Reload the page and try again."),
        "uploading": gettext("Uploading: %(percent)s%%"),
        "saving": gettext("Uploaded. The picture is being saved."),
        "cancelled": gettext("The upload was cancelled. Nothing has changed."),
        "offline": gettext(
            "The picture could not be sent. Check your connection and save again; it is still "
            "chosen."
        ),
        "loggedOut": gettext(
            "You have been logged out. Log in again in another tab, then save here; the picture "
            "is still chosen."
        ),
        "outdated": gettext(
            "This page is out of date. Reload it and choose the picture again; nothing has "
            "changed."
        ),
        "failed": gettext("The server could not save the picture. Try again later."),
    }
    fixed = {
        "allowed_text": any_of([label_of(each) for each in config.upload_formats]),
        "limit_text": size_text(config.max_upload_size),
        "limit_megapixels": megapixels(config.max_pixels),
        **{key: words()[key] for key in ("choose", "another")},
        # As ``filesizeformat``, which writes the size that is too large.
        "units": [gettext(unit) for unit in ("%s KB", "%s MB", "%s GB")],
        "login": _login_path(),
        "separator": get_format("DECIMAL_SEPARATOR"),
    }
    return _to_json(server | own | fixed)


def _login_path() -> str:
    """Where a request is sent whose session has ended; "" where there is no such page."""
    try:
        return urlsplit(resolve_url(settings.LOGIN_URL)).path
    except NoReverseMatch:
        return ""
