"""examples/service.py under 10,000 requests; needs the extra `service`."""

from __future__ import annotations

import pytest

from tests.export.test_service import many, port, recommender

__all__ = ["port", "recommender"]  # fixtures

pytestmark = pytest.mark.soak


def test_10_000_requests_are_all_answered(port: int) -> None:
    many(port, 10_000)
