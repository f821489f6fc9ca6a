"""An app of a site that has its pictures in fields of other libraries."""
