"""The apps in ``contrib`` that have tables: ``profile`` and ``gallery``."""
