"""What a request can be refused for, beside the errors of search itself.

SearchError (search/errors.py)
├── ParameterError           a parameter that is unknown, repeated or malformed
├── BodyTooLargeError        a body beyond the limit
├── MediaTypeError           a body that does not say that it is JSON
└── ArtifactMissingError     the session has no such artifact
"""

from __future__ import annotations

from search.errors import SearchError


class ParameterError(SearchError):
    """A parameter that cannot be understood."""

    def __init__(self, parameter: str, reason: str) -> None:
        super().__init__(f"{parameter} {reason}")
        self.parameter = parameter


class BodyTooLargeError(SearchError):
    """The body is larger than is taken."""


class MediaTypeError(SearchError):
    """The body does not say that it is JSON."""


class ArtifactMissingError(SearchError):
    """The session has no such artifact, or nothing in it that could be read."""
