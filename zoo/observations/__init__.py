"""Observations of trained networks beside their records, for the claims of studies and never for measures."""
