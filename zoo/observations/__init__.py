"""What is observed of a trained network beside its record: for the claims of studies, never for measures."""
