"""Care for a zoo on disk: its status while it is made, and what is damaged in it."""
