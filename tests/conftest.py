"""What tests of several folders share: no deadline for an example, one PostgreSQL server, started when asked for."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from hypothesis import settings
from tests.postgres import Cluster

# How long an example takes is the machine's doing. A profile that the environment has chosen keeps its other settings.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    cluster = Cluster.initialised().start()
    yield cluster
    cluster.close()


@pytest.fixture(scope="session")
def new_schema(postgres: Cluster) -> Callable[[], str]:
    """Return what gives, at each call, the address of a schema that holds nothing."""
    numbers = count(1)
    return lambda: postgres.new_schema(f"venue_{next(numbers)}")
