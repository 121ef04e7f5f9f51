"""Passes over gradients at single examples, and the record of torch calls that they are formed from."""
