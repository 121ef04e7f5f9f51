"""Where the rooms meet: command line, store, executors."""
