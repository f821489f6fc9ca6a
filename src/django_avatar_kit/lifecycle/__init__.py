"""The life of an avatar's files: when they are written, which rows need them, when they go.

Knows rows, transactions and storages. Must not know HTML or forms.
"""
