"""What the management commands do: build, sweep, copy and examine stored avatars.

Knows storages and the lifecycle of files. Must not know HTML or forms.
"""
