"""The ranking statistics, each in the module of its name."""
