"""Train networks: objectives, schedules, stopping, and the record of a run."""
