"""How data sets are read: one module a layout on disk."""
