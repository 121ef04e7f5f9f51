"""The shared passes over a network and its data, each run once whatever the number of measures."""
