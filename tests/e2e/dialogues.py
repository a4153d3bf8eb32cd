"""What callers say to the front desk, and what has to come of it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Turn:
    """``said`` by the caller. The answer has all of ``has`` in it, and none of ``lacks``.

    ``direct``: the agent answers by itself; else it says a filler phrase and asks the supervisor,
    who looks up ``lookups`` in this order.
    """

    said: str
    has: tuple[str, ...] = ()
    direct: bool = False
    lookups: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dialogue:
    """Turns of one call."""

    name: str
    turns: tuple[Turn, ...] = field(default=())


POLICY, ACCOUNT, STORE = "lookupPolicyDocument", "getUserAccountInfo", "findNearestStore"

ALICE = "two oh six, one three five, one two four six"


def directly(said: str, *has: str) -> Turn:
    return Turn(said, has, direct=True)


def asks(said: str, *has: str, lacks: tuple[str, ...] = ()) -> Turn:
    """Something is missing, or nothing can be done: the supervisor answers without a look-up."""
    return Turn(said, has, lacks=lacks)


def policy(said: str, *has: str) -> Turn:
    return Turn(said, has, lookups=(POLICY,))


def account(said: str, *has: str) -> Turn:
    return Turn(said, has, lookups=(ACCOUNT,))


def store(said: str, *has: str) -> Turn:
    return Turn(said, has, lookups=(STORE,))


def dialogue(name: str, *turns: Turn) -> Dialogue:
    return Dialogue(name, turns)


WRITTEN = (
    # What the agent does by itself.
    dialogue("hello", directly("Hello.", "NewTelco", "demonstration")),
    dialogue("hello there", directly("Hi there, good morning!", "NewTelco")),
    dialogue(
        "hello twice", directly("Hello?", "you have reached"), directly("Hi.", "What can I do")
    ),
    dialogue("how are you", directly("Hi, how are you today?", "well")),
    dialogue(
        "thanks", directly("Thank you very much.", "welcome"), directly("Thanks!", "pleasure")
    ),
    dialogue("who are you", directly("Are you a real person?", "demonstration")),
    dialogue("what can you do", directly("What can you do for me?", "roaming")),
    dialogue("my name is", directly("My name is Ada.", "Ada")),
    dialogue("wait", directly("Hold on, please.", "Take your time")),
    dialogue("hear me", directly("Can you hear me?", "hear you")),
    dialogue("goodbye", directly("That's all, thank you. Goodbye.", "Goodbye")),
    dialogue("joke", directly("Tell me a joke.", "contacts")),
    dialogue(
        "repeat",
        policy("How much is the Everyday plan?", "$45", "40 GB"),
        directly("Can you repeat that?", "I said", "$45", "40 GB"),
    ),
    dialogue(
        "thanks and bye",
        directly("Thanks.", "anything else"),
        directly("No.", "Goodbye"),
    ),
    # Policies.
    dialogue("plans", policy("What plans do you have?", "$30", "$45")),
    dialogue("unlimited", policy("How much is the unlimited plan?", "$65")),
    dialogue("roaming in Europe", policy("What does roaming in Europe cost?", "$8", "1 GB")),
    dialogue("roaming in Canada", policy("Hi, can I use my phone in Canada?", "Canada", "5 GB")),
    dialogue("billing", policy("When are bills made, and is there a late fee?", "10th", "$7")),
    dialogue("cancellation", policy("How can I cancel?", "30 days")),
    dialogue("devices", policy("Do you repair a cracked screen?", "$89")),
    dialogue("warranty", policy("What about the warranty?", "24 months")),
    dialogue("returns", policy("Is there a restocking fee for a return?", "$35")),
    dialogue("family", policy("What does the family plan cost?", "$25")),
    dialogue("payments", policy("How can I pay? Do you take cash?", "cash")),
    dialogue("autopay", policy("What do I save with automatic payments?", "$5")),
    dialogue("coverage", policy("How good is your coverage?", "97 percent")),
    dialogue("promotions", policy("Is there a discount for students?", "15 percent")),
    dialogue("misheard", policy("What does roming in Mexico cost?", "Mexico", "5 GB")),
    # Accounts.
    dialogue(
        "bill",
        asks("How much is my bill?", "phone number"),
        account("It's 206-135-1246.", ALICE, "$88.40", "$16", "demonstration"),
    ),
    dialogue("bill at once", account("My number is 206 135 1246, what is my bill?", "$88.40")),
    dialogue(
        "dictated in words",
        asks("What's my balance?", "phone number"),
        account("four one five, five five five, oh one three four", "$33.10", "automatically"),
    ),
    dialogue(
        "dictated in parts",
        asks("How much data have I used?", "phone number"),
        directly("Three oh three.", "three oh three"),
        directly("Five five five.", "three oh three, five five five"),
        account("Zero one eight seven.", "31.8 GB", "40 GB", "8.2 GB"),
    ),
    dialogue(
        "no such account",
        asks("What is my balance?", "phone number"),
        account("999 888 7777", "nine nine nine, eight eight eight", "phone number"),
        account("Sorry, 212 555 0119.", "$56.55"),
    ),
    dialogue(
        "one number for two questions",
        account("What do I owe? My number is 303-555-0187.", "$28.65"),
        account("And how much data do I have left?", "8.2 GB"),
    ),
    dialogue("paid", account("What's my balance? It's 512 555 0162.", "owe nothing")),
    dialogue("unlimited data", account("773 555 0148, how much data have I used?", "84.1 GB")),
    dialogue("own plan", account("Which plan am I on? 415 555 0134.", "Starter")),
    # Stores.
    dialogue(
        "store",
        asks("Where is your nearest store?", "zip code"),
        store("98101", "Pine Street", "10 AM"),
    ),
    dialogue("store at once", store("Is there a store near 10018?", "40th Street", "8 AM")),
    dialogue(
        "zip in parts",
        asks("I'm looking for a shop.", "zip code"),
        directly("Nine four.", "nine four"),
        store("One oh five.", "Mission", "9 AM"),
    ),
    dialogue(
        "zip not known",
        asks("What are your opening hours?", "zip code"),
        store("00001", "oh oh oh, oh one", "zip code"),
        store("8 0 2 0 2", "Larimer"),
    ),
    # What is not talked about, and what cannot be done.
    dialogue(
        "politics",
        asks("Who should I vote for in the election?", "can't discuss"),
        asks("But what about religion?", lacks=("can't discuss",)),
    ),
    dialogue("medical", asks("I have a headache, what pills should I take?", "can't discuss")),
    dialogue("financial", asks("Should I invest in bitcoin?", "can't discuss")),
    dialogue(
        "refused, then transferred",
        asks("Please reset my password.", "transfer you"),
        asks("Yes, please.", "demonstration"),
    ),
    dialogue(
        "refused twice",
        asks("Order me a pizza.", "can't do that", "transfer you"),
        asks("Then change my address.", "transfer", lacks=("can't do that",)),
        asks("No.", "else"),
    ),
    dialogue("payment", asks("Pay my bill now.", "transfer you")),
    dialogue("unknown", asks("The frog jumped over the moon.", "transfer you")),
    dialogue("a human", asks("Let me talk to a human.", "demonstration")),
    dialogue(
        "a whole call",
        directly("Hello!", "NewTelco"),
        asks("I want to know why my bill is so high.", "phone number"),
        account("206 135 1246", "$88.40", "roaming"),
        policy("And what does a day pass abroad cost?", "$8"),
        directly("Thanks, that's all. Bye!", "Goodbye"),
    ),
)

SPOKEN = (
    dialogue("hello", directly("Hello, how are you?", "well")),
    dialogue("a policy", policy("What does roaming in Europe cost?", "$8")),
    dialogue(
        "a bill",
        asks("How much is my bill?", "phone number"),
        account("Two oh six, one three five, one two four six.", ALICE, "$88.40"),
    ),
    dialogue(
        "a store",
        asks("Where is the nearest store?", "zip code"),
        store("Nine eight, one oh one.", "Pine Street"),
    ),
    dialogue("politics", asks("Who will win the election?", "can't discuss")),
    dialogue("not possible", asks("Please reset my password.", "transfer you")),
    dialogue(
        "repeat",
        policy("Is there a discount for students?", "15 percent"),
        directly("Can you say that again?", "15 percent"),
    ),
)
