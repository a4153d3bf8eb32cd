"""A notice is said at once, and again if the caller spoke into it, but not for ever."""

from gateway.core.notice import MAX_TRIES, Notice


def test_it_is_said_once_and_heard() -> None:
    notice = Notice()
    assert notice.due(idle=False)
    assert not notice.due(idle=True)
    notice.answer_began("item_1")
    notice.answer_began("item_2")
    notice.answer_over("item_2", whole=True)
    assert not notice.heard
    notice.answer_over("item_1", whole=True)
    assert notice.heard
    assert not notice.due(idle=True)


def test_cut_it_is_said_again_when_nobody_speaks_but_not_for_ever() -> None:
    notice, said = Notice(), 0
    for _ in range(10):
        if notice.due(idle=True):
            said += 1
            notice.answer_began(f"item_{said}")
            notice.answer_over(f"item_{said}", whole=False)
            assert not notice.due(idle=False)
    assert said == MAX_TRIES
    assert notice.over
    assert not notice.heard


def test_a_response_without_a_word_was_not_it() -> None:
    notice = Notice()
    assert notice.due(idle=True)
    notice.response_over()
    assert notice.due(idle=True)
    notice.answer_began("item_1")
    notice.response_over()
    assert not notice.due(idle=True)
