"""The base class of what a user did wrong, as far as the harness finds it."""


class HarnessError(Exception):
    """An option, a file or a directory that cannot be used; the message is one sentence and says what to do."""
