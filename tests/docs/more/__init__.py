"""An app for models that a page defines once more: the project has one of that name already."""
