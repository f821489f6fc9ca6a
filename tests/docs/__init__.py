"""What README and docs say: that it exists, that it is complete, and that it works as it is told.

- Marked ``docs``, and run once: whatever needs no other Django to be true.
- ``howto``: how-tos done step by step. Most run on every Django, as the code of a reader does.

How-tos about other packages are in ``tests/neighbours``, those about APIs in ``tests/pages``.
"""
