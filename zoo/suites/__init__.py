"""Which networks a study trains: one module a study."""
