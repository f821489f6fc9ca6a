#!/usr/bin/env python
"""Django's command line for the example project; ``STORAGE=s3`` puts media into a bucket."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from example.settings.environment import settings_module


def bucket() -> AbstractContextManager[None]:
    """A bucket on this machine for a demo on S3 that was not told of another."""
    demo = sys.argv[1:2] == ["demo"] and os.environ.get("STORAGE") == "s3"
    if not demo or os.environ.get("AWS_STORAGE_BUCKET_NAME"):
        return nullcontext()
    from example import local_s3

    return local_s3.bucket()


def main() -> None:
    try:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module())
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    with bucket():
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
