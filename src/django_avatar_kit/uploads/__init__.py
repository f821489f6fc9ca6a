"""Uploads: from bytes to pixels, and from pixels to encoded files.

Knows bytes, image formats and pixels. Must not know models, rows, storages or HTML.

    reading           a file of any kind, opened, rewound and measured
    intake            its format recognised, its header checked; or a refusal
    decoders          one module for each format
    memory_estimate   what it takes to decode, cut and encode it
    imaging           the decoded picture, and the files made of it
"""
