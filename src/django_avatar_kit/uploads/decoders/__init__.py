"""Decoders: one module for each image format that may be uploaded, and ``base``, which all share.

``jpeg_scans`` belongs to ``jpeg``; ``avif_boxes`` and ``av1`` to ``avif``; ``heif_boxes``,
``heif_tiles``, ``heif_file`` and ``hevc`` to ``heif``. The last two formats share ``boxes`` and
``bits``. A decoder is found through its row in ``formats``.
"""
