"""Uploads: from bytes to pixels, and from pixels to encoded files.

Knows bytes, image formats and pixels. Must not know models, rows, storages or HTML.

    reading           a file of any kind, opened, rewound and measured
    intake            its format recognised, its header checked; or a refusal
    decoders          one module for each format
    affordable        how much of it the limits on memory and time allow to decode
    memory_estimate   the memory that it takes to decode, cut and encode it
    time_estimate     the time that it takes
    cuts              what both estimates know of the parts that are cut from it
    imaging           the decoded picture, and the files made of it
"""
