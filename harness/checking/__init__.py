"""`gapbench check`: contract and invariances of a submitted measure, and its standing on a small zoo."""
