"""The project that the examples of the documentation are written for."""
