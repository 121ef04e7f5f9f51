"""Command line, store, executors and sandbox: the room that imports the three others."""
