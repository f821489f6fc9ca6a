"""Whose a file is: the end of a token is a seal of the site and the database that made it.

A sweep asks every database that it can reach. Of one that it cannot, such as that of a staging
site which writes into the same bucket, it only sees files that no row holds. Their tokens tell:
the seal was made with another ``SECRET_KEY``, or for a database of another name.
"""

from __future__ import annotations

import secrets

from django.conf import settings
from django.db import connections
from django.utils.crypto import constant_time_compare, salted_hmac

#: Bytes of the token that are random: 96 bits, so that no two are ever alike.
RANDOM = 12
#: Hexadecimal digits of the seal. One of 4 billion fits by chance.
SEAL = 8


def new_token(using: str) -> str:
    """A token of 32 hexadecimal digits for an avatar whose row is in this database."""
    start = secrets.token_hex(RANDOM)
    return start + _seal(start, settings.SECRET_KEY, database(using))


def is_ours(token: str) -> bool:
    """Whether this site has made the token, for any database that it knows."""
    start, seal = token[:-SEAL], token[-SEAL:]
    return any(
        constant_time_compare(seal, _seal(start, key, name))
        for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
        for name in {database(using) for using in connections}
    )


def database(using: str) -> str:
    """The name that a database has for its server; a replica has that of the primary."""
    given = connections[using].settings_dict
    # PostgreSQL's may be named by a service file instead.
    return str(given["NAME"] or given.get("OPTIONS", {}).get("service", ""))


def _seal(start: str, key: str | bytes, name: str) -> str:
    made = salted_hmac("django_avatar_kit.seals", f"{start}:{name}", key, algorithm="sha256")
    return made.hexdigest()[:SEAL]
