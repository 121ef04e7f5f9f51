"""Commands of gapbench: make a zoo, rank it, check a measure, list and export."""
