"""Tokens of avatars. The end of a token tells which site and which database it was made for.

A sweep asks every database that it can reach. A staging site with a database of its own may write
into the same bucket: to the sweep, its files look as if no row held them. But their tokens end in
a seal, a keyed hash made with another ``SECRET_KEY`` or for a database of another name.
"""

from __future__ import annotations

import secrets

from django.conf import settings
from django.db import connections
from django.utils.crypto import constant_time_compare, salted_hmac

#: Random bytes of a token: 96 bits, so that no two tokens are alike.
RANDOM = 12
#: Hexadecimal digits of the seal. One of 4 billion random ones is right by chance.
SEAL = 8


def new_token(using: str) -> str:
    """A token of 32 hexadecimal digits for an avatar whose row is in this database."""
    start = secrets.token_hex(RANDOM)
    return start + _seal(start, settings.SECRET_KEY, database(using))


def is_ours(token: str) -> bool:
    """Whether this site has made the token, for any of its databases."""
    start, seal = token[:-SEAL], token[-SEAL:]
    return any(
        constant_time_compare(seal, _seal(start, key, name))
        for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
        for name in {database(using) for using in connections}
    )


def database(using: str) -> str:
    """The name of a database on its server; that of a replica is that of its primary."""
    given = connections[using].settings_dict
    # PostgreSQL's may be given by a service file instead.
    return str(given["NAME"] or given.get("OPTIONS", {}).get("service", ""))


def _seal(start: str, key: str | bytes, name: str) -> str:
    made = salted_hmac("django_avatar_kit.seals", f"{start}:{name}", key, algorithm="sha256")
    return made.hexdigest()[:SEAL]
