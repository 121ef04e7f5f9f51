"""Claims of published studies, one module a study."""
