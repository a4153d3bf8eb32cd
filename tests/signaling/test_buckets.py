"""Buckets of strangers."""

from signaling.buckets import MAX_KEYS, Buckets


def test_a_bucket_fills_again_and_is_one_address_s_own() -> None:
    calls = Buckets(rate=2.0, burst=3)
    assert [calls.take("192.0.2.1", 0.0) for _ in range(4)] == [True, True, True, False]
    assert calls.take("192.0.2.2", 0.0)
    assert [calls.take("192.0.2.1", 1.0) for _ in range(3)] == [True, True, False]
    assert [calls.take("192.0.2.1", 100.0) for _ in range(4)] == [True, True, True, False]


def test_an_ipv6_site_has_one_bucket() -> None:
    calls = Buckets(rate=1.0, burst=1)
    assert calls.take("2001:db8::1", 0.0)
    assert not calls.take("2001:db8::ffff%eth0", 0.0)
    assert calls.take("2001:db8:0:1::1", 0.0)


def test_addresses_are_forgotten_the_oldest_first() -> None:
    calls = Buckets(rate=0.0, burst=1)
    for number in range(MAX_KEYS + 1):
        assert calls.take(f"host-{number}", 0.0)
    assert calls.take("host-0", 0.0)
    assert not calls.take(f"host-{MAX_KEYS}", 0.0)
