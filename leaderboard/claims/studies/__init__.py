"""Claims of published studies, one module for each study."""
