"""One module for each image format that may be uploaded, with what only it needs."""
