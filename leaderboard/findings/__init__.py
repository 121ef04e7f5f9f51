"""Findings of a ranked zoo: families of measures, agreement of rankings, and the page that states them."""
