"""Errors that are the user's to mend."""


class UserError(Exception):
    """A mistake in the configuration or its surroundings, in one line for the user."""
