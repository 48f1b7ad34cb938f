"""What the tests of this folder share."""

from small_line import line  # noqa: F401
