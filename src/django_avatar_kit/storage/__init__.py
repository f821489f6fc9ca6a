"""Storages: one interface for writing, reading, listing, deleting and URLs.

Knows keys and bytes. Must not know models, images or HTML.
"""
