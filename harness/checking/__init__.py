"""What `gapbench check` does with a submitted measure: contract, invariances, its place on a small zoo."""
