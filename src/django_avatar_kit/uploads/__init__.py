"""Uploads: from bytes to pixels, and from pixels to encoded files.

Knows bytes, pixels and image formats. Must not know models, rows, storages or HTML.
"""
