"""A small site for the browser: every way in which a page can hold the widget."""
