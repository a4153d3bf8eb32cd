import pytest

from gateway.agents.telecom.policies import POLICIES, matching


def test_documents_have_ids_of_their_own_and_something_to_say() -> None:
    assert len({policy.id for policy in POLICIES}) == len(POLICIES) >= 10
    assert all(len(policy.sentences) >= 3 for policy in POLICIES)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.title)
def test_a_title_finds_its_document_first(policy: object) -> None:
    title = policy.title  # type: ignore[attr-defined]
    assert matching(title)[0] is policy
    assert matching(f"Tell me about {title.upper()}, please")[0] is policy


def test_what_no_document_is_about() -> None:
    assert matching("the moon") == []
    assert matching("") == []
