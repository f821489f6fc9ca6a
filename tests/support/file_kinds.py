"""Files and uploads of many kinds: pipes, packed files, files that fail, files without a name."""

from __future__ import annotations

import io
import os
import tempfile
import threading
from contextlib import ExitStack
from typing import Any

from django.core.files.base import File
from django.core.files.uploadedfile import (
    InMemoryUploadedFile,
    TemporaryUploadedFile,
)
from PIL import Image

from django_avatar_kit.test import make_image
from tests.support import images

JPEG = make_image((60, 40))


class Answer:
    """A raw response body of an HTTP library: it can be read once, from the start."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._data.read(size)

    def seekable(self) -> bool:
        return False

    closed = False


class Reader:
    """An object that has ``read()`` and nothing else, not even ``closed``."""

    def __init__(self, data: Any) -> None:
        self.read = (io.StringIO if isinstance(data, str) else io.BytesIO)(data).read


class Unnamed(io.BytesIO):
    """A file whose truth value is False, as some frameworks have it for files without a name."""

    def __bool__(self) -> bool:
        return False


def piped(data: bytes) -> Any:
    """The reading end of a pipe. A thread writes the data in small pieces."""
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            pipe.writelines(data[start : start + 100] for start in range(0, len(data), 100))

    thread = threading.Thread(target=write)
    thread.start()
    pipe = os.fdopen(reading, "rb", buffering=0)
    opened.callback(thread.join)
    opened.callback(pipe.close)
    return pipe


#: Pipes and files that a test has opened. ``nothing_left_open`` closes them.
opened = ExitStack()


def filled(file: Any, data: bytes) -> Any:
    file.write(data)
    opened.callback(file.close)
    return file


def temporary(kind: Any, data: bytes) -> Any:
    return filled(kind(), data)


def on_disk(data: bytes, name: str = "a.jpg") -> TemporaryUploadedFile:
    return filled(TemporaryUploadedFile(name, "image/jpeg", len(data), None), data)


def in_memory(data: bytes, name: Any = "a.jpg") -> InMemoryUploadedFile:
    return InMemoryUploadedFile(io.BytesIO(data), "avatar", name, "image/jpeg", len(data), None)


def gone(file: File) -> File:
    file.close()
    return file


def of_colour(colour):
    return images.jpeg(Image.new("RGB", (60, 40), colour))


class Readable(Reader):
    """The same with ``closed``, still without ``seek()`` and ``tell()``."""

    closed = False


class Fails(io.BytesIO):
    """A file one of whose methods raises the given error."""

    def __init__(self, data: bytes, error: BaseException, method: str = "read") -> None:
        super().__init__(data)
        setattr(self, method, self._fail)
        self.error = error

    def _fail(self, *args: Any) -> Any:
        raise self.error


def for_writing(data: bytes) -> Any:
    descriptor, path = tempfile.mkstemp()
    os.close(descriptor)
    opened.callback(os.unlink, path)
    return opened.enter_context(open(path, "wb"))  # noqa: PTH123


def damaged(data: bytes) -> bytes:
    half = len(data) // 2
    return data[:half] + bytes(20) + data[half + 20 :]


def unpacked(module: Any, data: bytes) -> Any:
    return opened.enter_context(module.open(io.BytesIO(data)))
