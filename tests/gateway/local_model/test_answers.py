import json

import pytest

from gateway.local_model.speech import Speech
from tests.gateway.local_model.desk import Desk, in_base64, quiet, voice


def test_a_greeting_comes_without_a_question() -> None:
    desk = Desk()
    desk.send("response.create")
    desk.pass_time(30)
    assert "demonstration agent" in desk.spoken_text()


def test_text_is_answered_with_text() -> None:
    desk = Desk()
    desk.ask("Goodbye.", output_modalities=["text"])
    assert desk.types()[-1] == "response.done"
    assert desk.last("response.output_text.done")["text"].endswith("Goodbye!")
    assert "response.output_audio.delta" not in desk.types()


def test_one_response_at_a_time() -> None:
    desk = Desk()
    desk.ask("Tell me a story.")
    desk.send("response.create", event_id="second")
    assert desk.error()["code"] == "conversation_already_has_active_response"
    assert desk.error()["event_id"] == "second"
    desk.send("response.cancel")
    desk.ask("Goodbye.")
    desk.pass_time(10)
    statuses = [event["response"]["status"] for event in desk.all("response.done")]
    assert statuses == ["cancelled", "completed"]


def test_cancel_by_id() -> None:
    desk = Desk()
    desk.ask("Tell me a story.")
    response_id = desk.last("response.created")["response"]["id"]
    desk.send("response.cancel", response_id="resp_other")
    assert desk.error()["code"] == "response_cancel_not_active"
    desk.send("response.cancel", response_id=response_id)
    details = desk.last("response.done")["response"]["status_details"]
    assert details["reason"] == "client_cancelled"


def test_cancelling_drops_what_was_to_be_synthesised() -> None:
    desk = Desk()
    desk.works_at_once = False
    desk.ask("Tell me a story.")
    assert [type(work) for work in desk.waiting] == [Speech]
    desk.send("response.cancel")
    assert desk.waiting == []


def test_out_of_band_runs_beside_the_conversation() -> None:
    desk = Desk()
    desk.ask("Tell me a story.")
    desk.send(
        "response.create",
        response={
            "conversation": "none",
            "output_modalities": ["text"],
            "metadata": {"purpose": "check"},
            "input": [
                {
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "What are your opening hours?"}],
                }
            ],
        },
    )
    response = desk.last("response.done")["response"]
    assert response["metadata"] == {"purpose": "check"}
    assert response["conversation_id"] is None
    assert "nine to six" in response["output"][0]["content"][0]["text"]
    added = [event["item"]["id"] for event in desk.all("conversation.item.added")]
    assert response["output"][0]["id"] not in added


def test_input_may_refer_to_items() -> None:
    desk = Desk()
    desk.say("Goodbye.")
    item_id = desk.last("conversation.item.added")["item"]["id"]
    desk.say("Tell me a story.")
    desk.send(
        "response.create",
        response={
            "input": [{"type": "item_reference", "id": item_id}],
            "output_modalities": ["text"],
        },
    )
    assert desk.spoken_text().endswith("Goodbye!")


def test_input_may_be_audio() -> None:
    desk = Desk(hears="Goodbye.")
    audio = in_base64(voice(1))
    content = [{"type": "input_audio", "audio": audio}]
    item = {"type": "message", "role": "user", "content": content}
    desk.send("response.create", response={"input": [item], "output_modalities": ["text"]})
    assert desk.spoken_text().endswith("Goodbye!")
    desk.send("conversation.item.create", item=item)
    desk.send("response.create", response={"output_modalities": ["text"]})
    assert desk.spoken_text().endswith("Goodbye!")


def test_no_input_is_a_clean_start() -> None:
    desk = Desk()
    desk.say("Goodbye.")
    desk.send("response.create", response={"input": [], "output_modalities": ["text"]})
    assert "How can I help?" in desk.spoken_text()


@pytest.mark.parametrize(
    ("response", "param"),
    [
        ({"input": [{"type": "item_reference", "id": "gone"}]}, "response.input[0]"),
        (
            {"input": [{"type": "message", "role": "user", "content": [{"type": "output_text"}]}]},
            "response.input[0].content[0].type",
        ),
    ],
)
def test_wrong_input_begins_nothing(response: dict[str, object], param: str) -> None:
    desk = Desk()
    desk.send("response.create", response=response)
    assert desk.error()["param"] == param
    assert "response.created" not in desk.types()


def test_too_many_responses() -> None:
    desk = Desk()
    desk.works_at_once = False
    for _ in range(9):
        desk.send("response.create", response={"conversation": "none"})
    assert desk.types().count("response.created") == 8
    assert desk.error()["code"] == "too_many_responses"


def test_a_response_may_have_its_own_format() -> None:
    desk = Desk()
    desk.ask("Thank you.", audio={"output": {"format": {"type": "audio/pcma"}, "voice": "ash"}})
    output = desk.last("response.created")["response"]["audio"]["output"]
    assert output == {"format": {"type": "audio/pcma"}, "voice": "ash"}
    desk.pass_time(5)
    item_id = desk.last("response.output_audio.done")["item_id"]
    assert len(desk.audio_of(item_id)) == 7 * 2_000


def test_speed() -> None:
    desk = Desk()
    desk.update(audio={"output": {"speed": 1.25}})
    desk.ask("Thank you.")
    desk.pass_time(5)
    item_id = desk.last("response.output_audio.done")["item_id"]
    assert len(desk.audio_of(item_id)) == pytest.approx(7 * 12_000 / 1.25, abs=10)


def test_instructions_of_one_response() -> None:
    desk = Desk()
    desk.ask("What are your instructions?", instructions="Sing.", output_modalities=["text"])
    assert "cannot follow" in desk.spoken_text()


def test_a_tools_output_is_read_out() -> None:
    desk = Desk()
    desk.say("What is the weather?")
    output = {"type": "function_call_output", "call_id": "c", "output": "Sunny."}
    desk.send("conversation.item.create", item=output)
    desk.send("response.create", response={"output_modalities": ["text"]})
    assert desk.spoken_text() == "The tool answered: Sunny."


def test_a_voice_that_fails_fails_the_response() -> None:
    desk = Desk()
    desk.works_at_once = False
    desk.ask("Thank you.")
    desk.fail(desk.waiting[0])
    assert desk.last("response.done")["response"]["status"] == "failed"
    desk.works_at_once = True
    desk.ask("Thank you.")
    desk.pass_time(5)
    assert desk.last("response.done")["response"]["status"] == "completed"


def test_prepared_speech_that_fails_is_made_again() -> None:
    desk = Desk(hears="Goodbye.")
    desk.works_at_once = False
    desk.append(voice(1), quiet(0.25))
    desk.work()
    desk.fail(desk.waiting[0])
    desk.works_at_once = True
    desk.append(quiet(0.5))
    desk.pass_time(10)
    assert desk.spoken_text().endswith("Goodbye!")


def test_what_is_prepared_is_for_the_conversation() -> None:
    desk = Desk(hears="Goodbye.")
    desk.append(voice(1), quiet(0.25))
    desk.send("response.create", response={"conversation": "none", "output_modalities": ["text"]})
    before = desk.work_done
    desk.append(quiet(0.5))
    # Only the second sentence is left to make.
    assert desk.work_done == before + 1


def test_nothing_is_prepared_that_will_not_be_said() -> None:
    desk = Desk()
    desk.works_at_once = False
    desk.update(output_modalities=["text"])
    desk.append(voice(1), quiet(0.25))
    desk.work()
    assert desk.waiting == []


SUPERVISOR = {"type": "function", "name": "getNextResponseFromSupervisor", "parameters": {}}


def test_with_a_supervisor_to_ask_it_says_a_filler_and_asks() -> None:
    desk = Desk()
    desk.update(tools=[SUPERVISOR])
    desk.ask("What does roaming cost?")
    assert desk.spoken_text() == "Let me check that for you."
    call = desk.last("response.done")["response"]["output"][1]
    assert json.loads(call["arguments"]) == {
        "relevantContextFromLastUserMessage": "What does roaming cost?"
    }
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "$8. A day."}
    desk.send("conversation.item.create", item=output)
    desk.send("response.create")
    assert desk.spoken_text().endswith(" $8. A day.")


def test_the_filler_is_prepared_while_the_caller_pauses() -> None:
    desk = Desk(hears="what does roaming cost")
    desk.update(tools=[SUPERVISOR])
    desk.works_at_once = False
    desk.append(voice(1.0), quiet(0.3))
    desk.work()
    assert [w.sentence for w in desk.waiting if isinstance(w, Speech)] == [
        "Let me check that for you."
    ]


def test_a_response_may_be_without_the_supervisor() -> None:
    desk = Desk()
    desk.update(tools=[SUPERVISOR])
    for options in ({"tools": []}, {"tool_choice": "none"}):
        desk.ask("What is my bill?", **options)
        desk.pass_time(30.0)
        assert len(desk.last("response.done")["response"]["output"]) == 1
