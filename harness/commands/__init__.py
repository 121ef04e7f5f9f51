"""The commands of gapbench: making a zoo, ranking it, submitting a measure, lists and files."""
