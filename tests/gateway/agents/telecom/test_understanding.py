import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.agents.telecom.understanding import Intent, Request, mended, understand
from gateway.agents.tool import Line


def conversation(*texts: str) -> list[Line]:
    """The caller's lines, and the agent's, which begin with ``>``."""
    return [
        Line("assistant", text[1:].strip(), "chatAgent")
        if text.startswith(">")
        else Line("user", text)
        for text in texts
    ]


def request(*texts: str, context: str = "") -> Request:
    return understand(conversation(*texts), context)


@pytest.mark.parametrize(
    ("said", "intent"),
    [
        ("How much is my bill?", Intent.BILL),
        ("Why is the bill so high this month?", Intent.BILL),
        ("What do I owe you?", Intent.BALANCE),
        ("How much data do I have left?", Intent.USAGE),
        ("What plan am I on?", Intent.OWN_PLAN),
        ("Where is the nearest shop?", Intent.STORE),
        ("When do you open?", Intent.STORE),
        ("What does the family plan cost?", Intent.POLICY),
        ("Tell me about rooming", Intent.UNSUPPORTED),
        ("Tell me about roming", Intent.POLICY),
        ("How can I cancel my plan?", Intent.POLICY),
        ("How do I cancel?", Intent.POLICY),
        ("Can I change my plan?", Intent.POLICY),
        ("Tell me about my plan.", Intent.OWN_PLAN),
        ("Change my plan.", Intent.UNSUPPORTED),
        ("Order me a pizza.", Intent.UNSUPPORTED),
        ("Blue elephants.", Intent.UNSUPPORTED),
        ("I want to talk to a real person.", Intent.TRANSFER),
        ("Operator, please.", Intent.TRANSFER),
        ("Whom do the Democrats nominate?", Intent.PROHIBITED),
        ("Can my doctor see my bill?", Intent.PROHIBITED),
        ("Do you have the phone in stock?", Intent.UNSUPPORTED),
        ("Yes, please.", Intent.AGREED),
        ("No.", Intent.DECLINED),
    ],
)
def test_what_a_caller_wants(said: str, intent: Intent) -> None:
    assert request(said).intent is intent


def test_a_number_alone_belongs_to_what_was_asked_before() -> None:
    asked = ("How much data have I used?", "> What is your phone number?", "206 135 1246")
    found = request(*asked)
    assert (found.intent, found.phone_number, found.is_new_number) == (
        Intent.USAGE,
        "2061351246",
        True,
    )
    later = request(*asked, "> 62.5 GB.", "And my bill?")
    assert (later.intent, later.phone_number, later.is_new_number) == (
        Intent.BILL,
        "2061351246",
        False,
    )
    store = request("Any shop?", "> Please give me your zip code.", "98101")
    assert (store.intent, store.zip_code) == (Intent.STORE, "98101")


def test_an_agent_may_have_put_the_number_together() -> None:
    found = request("What do I owe?", context="phone number 2061351246")
    assert (found.intent, found.phone_number) == (Intent.BALANCE, "2061351246")


def test_the_context_tells_what_the_words_do_not() -> None:
    assert request("And that one?", context="asks about roaming in Mexico").intent is Intent.POLICY
    assert understand([], "asks about roaming").intent is Intent.POLICY
    assert understand([], "").intent is Intent.UNSUPPORTED


def test_keywords_are_mended() -> None:
    assert mended("Roming, and the Acount's ballance!") == "roaming and the account balance"
    assert mended("change planet stock") == "change planet stock"


@given(st.lists(st.text(max_size=200), max_size=4), st.text(max_size=50))
def test_whatever_is_said_means_something(said: list[str], context: str) -> None:
    request = understand([Line("user", text) for text in said], context)
    assert len(request.phone_number) in (0, 10)
    assert len(request.zip_code) in (0, 5)


def test_a_long_line_is_not_read_to_its_end() -> None:
    assert len(mended("a " * 10_000).split()) < 100
