from gateway.agents.text_model import Brief, Result, Step, TextModel, Thought


class Echo:
    """Answers with what it was given."""

    async def answer(self, instructions: str, question: str) -> str:
        return f"{instructions} {question}"

    def think(self, brief: Brief) -> Thought:
        return EchoThought(brief)


class EchoThought:
    def __init__(self, brief: Brief) -> None:
        self._brief = brief

    async def step(self, results: tuple[Result, ...] = ()) -> Step:
        return Step(text=self._brief.context)


async def test_anything_that_answers_and_thinks_is_a_text_model() -> None:
    model: TextModel = Echo()
    assert await model.answer("Judge.", "Is it?") == "Judge. Is it?"
    thought = model.think(Brief("Judge.", (), "Is it?", ()))
    assert await thought.step() == Step(text="Is it?")


def test_instructions_are_not_shown() -> None:
    assert "secret" not in repr(Brief("secret", (), "", ()))
