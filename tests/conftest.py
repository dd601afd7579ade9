"""What every test may ask for: an environment in which the packages of this checkout can be imported."""

import os

import pytest
from hypothesis import settings

from tests.checkout import PACKAGES

# How long one example takes says something about the machine, not about the code.
settings.register_profile("vebus", deadline=None)
settings.load_profile("vebus")


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long the differential tests of the engines run."""
    parser.addoption("--frames", type=int, default=9000, help="records for each differential test of the engines")


@pytest.fixture(scope="session")
def checkout_environment() -> dict[str, str]:
    """Environment for a child Python that imports both packages from this checkout, installed or not."""
    paths = os.pathsep.join(str(folder.parent) for folder in PACKAGES.values())
    return {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
