"""HTML of an avatar: attributes and their escaping, and the markup that a name and URLs give."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from html import escape
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString

from ..formats import MOVING, media_type_of
from ..names import Name, read_formats, read_sizes

#: Attributes that the kit itself writes.
_RESERVED = frozenset({"src", "srcset", "width", "height"})

#: What the HTML standard does not allow in the name of an attribute.
_NOT_IN_A_NAME = re.compile(r"""[\s"'<>/=\x00-\x1f\x7f]""")

#: What moves is for those who have not asked their system for less of that.
_MOTION = f'type="{media_type_of(MOVING)}" media="(prefers-reduced-motion: no-preference)"'

#: Stands for folder and token of a key in :func:`template_of`. No URL contains it.
STEM = "\0"


def attribute_names(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes by their names in HTML. Raises ``TypeError`` for what cannot be a name."""
    named = {}
    for name, value in attrs.items():
        attribute = name.rstrip("_").replace("_", "-").lower()
        if not attribute or _NOT_IN_A_NAME.search(attribute):
            raise TypeError(f"“{name}” cannot be the name of an HTML attribute.")
        if attribute in _RESERVED:
            raise TypeError(
                f"“{attribute}” is written by the avatar itself; ask for another size."
            )
        named[attribute] = value
    return named


def take_placeholder(named: dict[str, Any]) -> bool:
    """Remove “placeholder”, which is no attribute, and say whether it is asked for.

    Raises ``TypeError`` for any other value than True, False and None.
    """
    value = named.pop("placeholder", None)
    if value not in (None, True, False):
        raise TypeError(f"“placeholder” is {value!r}. It must be True or False.")
    return bool(value)


def attributes(attrs: Mapping[str, str | bool]) -> str:
    """Attributes as they stand in a tag, each after a space; True gives a bare name."""
    return "".join(
        f" {name}" if value is True else f' {name}="{attribute_value(value)}"'
        for name, value in attrs.items()
    )


def attribute_value(value: Any) -> str:
    """``value`` for between double quotes: a safe string keeps its entities, but has no quote."""
    # Not its own replace(): that of Jinja2's Markup would escape the ampersand once more.
    return str.replace(conditional_escape(value), '"', "&quot;")


def as_text(value: Any) -> str:
    """A value given for an attribute as a text, which is safe if the value was.

    A lazy translation becomes text in the language of this moment.
    """
    if isinstance(value, str):
        return value
    if hasattr(value, "__html__") and not isinstance(value, Promise):
        return SafeString(value.__html__())
    return str(value)


class Pictures(NamedTuple):
    """The URLs of one avatar at one size, not escaped."""

    src: str
    srcset: str = ""
    #: Media type and ``srcset`` of the formats before the last.
    sources: tuple[tuple[str, str], ...] = ()
    #: ``srcset`` of what moves; "" where nothing does.
    animated: str = ""

    def head(self) -> str:
        """The markup up to the URLs of the ``<img>``."""
        sources = "".join(
            f'<source type="{media_type}" srcset="{escape(srcset)}">'
            for media_type, srcset in self.sources
        )
        if self.animated:
            # First, since a browser takes the first that it can show.
            sources = f'<source {_MOTION} srcset="{escape(self.animated)}">{sources}'
        dense = f' srcset="{escape(self.srcset)}"' if self.srcset else ""
        return f'{"<picture>" if sources else ""}{sources}<img src="{escape(self.src)}"{dense}'


def pictures_of(name: Name, url: Callable[[str], str], size: int) -> Pictures:
    """The URLs for ``size`` CSS px; ``url`` gives that of a rendition's key."""
    densities = _densities(name, size)
    *others, last = name.formats

    def still(format: str) -> Callable[[int], str]:
        return lambda side: url(name.rendition(side, format))

    sources = tuple(
        (media_type_of(each), _whole_srcset(densities, still(each))) for each in others
    )
    moving = ""
    if name.animated:
        moving = _whole_srcset(densities, lambda side: url(name.animated_rendition(side)))
    of_last = still(last)
    src = of_last(densities[0][0])
    return Pictures(src, _srcset(densities[1:], of_last), sources, moving)


def _densities(name: Name, size: int) -> list[tuple[int, int]]:
    """Size and density of what a browser is offered, each file for as dense a screen as it serves.

    The first is for a plain screen. Its file is named again for one twice as dense only if one
    three times as dense has a larger file: a browser would load that one for both.
    """
    one, two, three = (name.best(density * size) for density in (1, 2, 3))
    offered = [(one, 1)]
    if three != one:
        offered.append((two, 2))
    if three != two:
        offered.append((three, 3))
    return offered


def _srcset(densities: list[tuple[int, int]], url: Callable[[int], str]) -> str:
    """``url`` gives the URL of a size."""
    return ", ".join(f"{url(size)} {density}x" for size, density in densities)


def _whole_srcset(densities: list[tuple[int, int]], url: Callable[[int], str]) -> str:
    """Of a ``<source>``, which has no ``src`` for a plain screen."""
    return _srcset(densities, url) if len(densities) > 1 else url(densities[0][0])


# Uploads smaller than the largest size add combinations to the usual few.
@lru_cache(maxsize=1024)
def template_of(sizes: str, formats: str, size: int) -> str:
    """``Pictures.head()`` of every key with these sizes and formats, with ``STEM`` in each URL."""
    listed, animated = read_formats(formats)
    name = Name("", STEM, "", 0, 0, read_sizes(sizes), listed, None, "cover", "", "", animated)
    return pictures_of(name, str, size).head()
