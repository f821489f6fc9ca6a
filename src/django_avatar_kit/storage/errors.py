"""Which of a storage's exceptions say that there is no such file or folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import SuspiciousOperation

from ..interruptions import is_interruption

if TYPE_CHECKING:
    from django.core.files.storage import Storage

#: Names of the classes that clients of object storages raise for a missing object: Azure, Google,
#: libcloud, botocore. By name, since these clients need not be installed.
_MISSING = frozenset({"ResourceNotFoundError", "NotFound", "ObjectDoesNotExistError", "NoSuchKey"})


def is_missing(error: BaseException | None) -> bool:
    """Whether an exception of a storage says that there is no such file or folder."""
    # Django's storages raise the first two. A name that leads out of a storage is none of its
    # files.
    if isinstance(error, FileNotFoundError | NotADirectoryError | SuspiciousOperation):
        return True
    names = {cls.__name__ for cls in type(error).__mro__}
    if not _MISSING.isdisjoint(names) or getattr(error, "status_code", None) == 404:
        return True
    # botocore's code for an answer without a body, such as one to HEAD.
    response = getattr(error, "response", None)
    return isinstance(response, dict) and response.get("Error", {}).get("Code") == "404"


def is_gone(storage: Storage, key: str, error: Exception) -> bool:
    """Whether the file or folder for which a storage has raised ``error`` does not exist.

    Some exceptions give no reason, such as those of django-storages for FTP and Dropbox. The
    storage is then asked whether the file exists.
    """
    if is_missing(error):
        return True
    try:
        return _gives_no_reason(error) and not storage.exists(key)
    except Exception as failure:
        if is_interruption(failure):
            raise
        return False


def _gives_no_reason(error: Exception) -> bool:
    """Whether an exception of a storage tells neither by class nor by number what has failed."""
    if isinstance(error, OSError):
        return type(error) is OSError and error.errno is None
    if any(getattr(error, name, None) for name in ("status_code", "code", "http_code")):
        return False
    # botocore's. What requests and httpx call so is an object.
    if isinstance(getattr(error, "response", None), dict):
        return False
    is_bug = type(error).__module__ == "builtins" and not isinstance(error, LookupError)
    return not is_bug and not is_interruption(error)
