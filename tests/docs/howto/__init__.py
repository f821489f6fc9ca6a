"""How-tos done as they say. The code is taken from the pages; a module is named after its page."""
