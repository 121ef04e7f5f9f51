"""Networks that were trained elsewhere, made into a zoo."""
