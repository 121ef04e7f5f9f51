"""Select a network by a measure: how good the pick is."""
