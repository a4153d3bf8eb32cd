from gateway.agents.text_model import TextModel


class Echo:
    async def answer(self, instructions: str, question: str) -> str:
        return f"{instructions} {question}"


async def test_anything_that_answers_is_a_text_model() -> None:
    model: TextModel = Echo()
    assert await model.answer("Judge.", "Is it?") == "Judge. Is it?"
