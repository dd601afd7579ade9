"""The soak runs; how long is a matter of `python -m tests.soak --megabytes`."""

from tests.soak import soak
from tests.streams import LINKS


def test_a_short_soak() -> None:
    results = list(soak(0.2, seed=10_000))
    assert [result.link for result in results] == list(LINKS)
    for result in results:
        assert result.size >= 100_000
        assert result.records > result.dissected > 200
        assert f"{result.size} bytes in {result.records} records" in str(result)
