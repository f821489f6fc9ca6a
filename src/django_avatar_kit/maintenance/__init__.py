"""What the management commands do: build, import, sweep, copy and examine stored avatars.

Knows storages, the rows with avatars and the lifecycle of files, and has files cut by the upload
pipeline. Must not know HTML or forms.
"""
