import pytest

from signaling.sip.called import BadAddress, called_user, sender_uri


@pytest.mark.parametrize(
    ("to", "user"),
    [
        ("alice", "alice"),
        ("alice@anything", "alice"),
        ("sip:alice@anything-here;transport=tls", "alice"),
        ("SIPS:al%69ce@h", "alice"),
        ("tel:+4930123;phone-context=x", "+4930123"),
        ("+4930123", "+4930123"),
    ],
)
def test_whom_an_address_names(to: str, user: str) -> None:
    assert called_user(to) == user


@pytest.mark.parametrize(
    "to",
    [
        *("", "sip:host", "sip:", "http://a@b", "a b", "a\r\nb", "sip:a@b\r\nVia: x", "é"),
        *("x" * 257, "sip:a>@b", "tel:", "@"),
    ],
)
def test_what_names_nobody(to: str) -> None:
    with pytest.raises(BadAddress):
        called_user(to)


def test_who_calls() -> None:
    assert sender_uri("bob", "[::1]") == "sip:bob@[::1]"
    assert sender_uri("sip:+49@trunk.example", "h") == "sip:+49@trunk.example"
    for bad in ("", "a b", "sip:a@b>\r\n", "sip:host", "tel:1", "a" * 300):
        with pytest.raises(BadAddress):
            sender_uri(bad, "h")
