"""Rankings by every target of a ledger, and how they agree with that by the error on clean images."""
