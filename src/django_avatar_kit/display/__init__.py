"""What is shown for an owner: which avatar, which name, which markup.

Knows owners, names and HTML. Must not know files: nothing here reads, writes or lists a storage.
"""
