"""Sends spoilt uploads to the kit, and looks for whatever must not happen."""
