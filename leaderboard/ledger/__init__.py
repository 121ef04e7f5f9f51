"""Read a ledger and turn it into arrays."""
