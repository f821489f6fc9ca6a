"""Decoders: one module for each image format that may be uploaded, and ``base``, which all share.

``jpeg_scans`` and ``jpeg_components`` belong to ``jpeg``; ``avif_boxes`` and ``av1`` to ``avif``.
A decoder is found through its row in ``formats``.
"""
