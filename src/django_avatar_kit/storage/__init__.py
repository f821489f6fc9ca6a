"""Storages: writing, reading, listing, deleting and URLs, for any storage of Django's.

``base`` has the functions that the other rooms call. They work through an ``Adapter``: the general
one of ``adapter``, or ``Bucket`` of ``s3`` for django-storages' ``S3Storage``.

Knows keys and bytes. Must not know models, images or HTML.
"""
