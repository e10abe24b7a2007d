"""What tests of several folders share: one PostgreSQL server, started when the first of them asks for it."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from tests.postgres import Cluster


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
