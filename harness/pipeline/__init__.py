"""Plan the work of a command, run it on an executor, and hand its results to the store."""
