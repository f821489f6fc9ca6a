"""What a URL says to this site alone: sealed, so that nobody else can read or make it.

Initials of two letters may be a whole name (李明), and a URL comes into logs, histories and
caches. The same content has the same seal, so that every cache keeps one picture.
"""

from __future__ import annotations

import base64
import re
from functools import lru_cache

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

#: Bytes of the tag. A forger would have to try 2^79 of them.
TAG = 10
#: The content is filled up to a multiple of this many bytes, so that the length of the seal says
#: next to nothing. Both are multiples of five, which base 32 writes without padding.
STEP = 15

#: Characters of 105 bytes of content: two clusters of twelve code points, and a colour.
LONGEST = 184
_SEALED = re.compile(r"[a-z2-7]{40,}", re.ASCII)


def seal(content: bytes, use: str = "") -> str:
    """Lower-case letters and digits for ``content``: 1 to 8,000 bytes, none of them 0.

    What is sealed for one use is not unsealed for another.
    """
    return _seal(content, use, settings.SECRET_KEY)


def unseal(text: str, use: str = "", longest: int = LONGEST) -> bytes | None:
    """What was sealed here, also with one of ``SECRET_KEY_FALLBACKS``; None for anything else.

    A text of more than ``longest`` characters is not even looked at.
    """
    if len(text) > longest or not _SEALED.fullmatch(text) or len(text) % 8:
        return None
    raw = base64.b32decode(text.upper())
    tag, hidden = raw[:TAG], raw[TAG:]
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        content = _mask(hidden, tag, use, key)
        if constant_time_compare(_tag(content, use, key), tag):
            return content.rstrip(b"\0")
    return None


# A synthetic initialisation vector, as in RFC 5297: the tag of the content hides the content.
@lru_cache(maxsize=4096)
def _seal(content: bytes, use: str, key: str | bytes) -> str:
    filled = content + b"\0" * (-len(content) % STEP)
    tag = _tag(filled, use, key)
    return base64.b32encode(tag + _mask(filled, tag, use, key)).decode().lower()


def _tag(content: bytes, use: str, key: str | bytes) -> bytes:
    return _hmac(f"{use}tag", content, key)[:TAG]


def _mask(content: bytes, tag: bytes, use: str, key: str | bytes) -> bytes:
    """``content`` hidden, or hidden content shown: the bits that ``tag`` and the key give."""
    blocks = range(-(-len(content) // 32))
    stream = b"".join(_hmac(f"{use}stream", tag + bytes([block]), key) for block in blocks)
    return bytes(a ^ b for a, b in zip(content, stream, strict=False))


def _hmac(salt: str, value: bytes, key: str | bytes) -> bytes:
    return salted_hmac(f"django_avatar_kit.sealed.{salt}", value, key, algorithm="sha256").digest()
