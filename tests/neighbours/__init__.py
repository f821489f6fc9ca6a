"""Beside other packages, the real ones: what people move in from, and what they build with."""
