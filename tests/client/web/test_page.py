"""What the page says of its state, and what it shows of a conversation."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from gateway.core.events import ErrorCode
from tests.client.web.page_gateway import PageGateway
from tests.client.web.screen import Evaluate, connect

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_joining_says_who_calls_and_shows_where_things_stand(
    page: Page, gateway: PageGateway
) -> None:
    await expect(page.locator("#state-session")).to_contain_text("Not connected")
    await page.fill("#user-id", "alice")
    await page.click(".more summary")
    await page.fill("#token", "secret")
    await page.fill("#voice", "marin")
    await page.click("#connect")
    await expect(page.locator("#state-session dd")).to_have_text("Connected")
    assert gateway.tokens == ["secret"]
    assert gateway.requested("join_session") == [{"userId": "alice", "voice": "marin"}]
    await gateway.status("CONNECTED")
    await expect(page.locator("#state-model dd")).to_have_text("Connected")

    await page.fill("#text", "What time is it?")
    await page.press("#text", "Enter")
    assert await gateway.wait_for("send_text") == "What time is it?"
    await expect(page.locator("#text")).to_have_value("")
    await page.click("#interrupt")
    await gateway.wait_for("interrupt")

    # That the gateway says goodbye as well is no failure.
    gateway.farewell = "the client left"
    await page.click("#gateway-setup > summary")
    await page.click("#connect")
    await gateway.wait_for("disconnect_session")
    await expect(page.locator("#state-session")).to_contain_text("Not connected")
    await expect(page.locator("#problem")).to_be_hidden()
    await page.reload()
    await expect(page.locator("#user-id")).to_have_value("alice")
    await expect(page.locator("#token")).to_have_value("")


async def test_a_token_behind_the_address_fills_its_field(page: Page, gateway: PageGateway) -> None:
    await page.goto("about:blank")
    await page.goto(f"{gateway.url}/#token=secret")
    await expect(page.locator("#token")).to_have_value("secret")
    assert page.url == f"{gateway.url}/"


async def test_lines_stand_in_conversation_order_and_are_replaced_when_final(
    page: Page, gateway: PageGateway
) -> None:
    await connect(page, gateway)
    lines, texts = page.locator("#log .line"), page.locator("#log .text")
    await _item(gateway, "u1", "user", None)
    await _item(gateway, "a1", "assistant", "u1")
    # The answer begins before the question is recognised.
    await _delta(gateway, "a1", "assistant", "It is ")
    await _delta(gateway, "a1", "assistant", "noon")
    await _delta(gateway, "u1", "user", "what time")
    await expect(texts).to_have_text(["what time", "It is noon"])
    await expect(lines.nth(1)).to_have_attribute("aria-busy", "true")
    await _message(gateway, "u1", "user", "What time is it?")
    await _message(gateway, "a1", "assistant", "It is noon.")
    await expect(texts).to_have_text(["What time is it?", "It is noon."])
    await expect(lines.nth(0)).to_have_class("line user speech")
    await expect(lines.nth(1)).to_have_attribute("aria-busy", "false")
    # What arrives late was already said.
    await _delta(gateway, "a1", "assistant", " again")
    await _message(gateway, "n1", "assistant", "Recording is on", type="system")
    await expect(texts).to_have_text(["What time is it?", "It is noon.", "Recording is on"])


async def test_a_cut_answer_ends_where_it_was_cut(page: Page, gateway: PageGateway) -> None:
    await connect(page, gateway)
    await _item(gateway, "a1", "assistant", None)
    await _delta(gateway, "a1", "assistant", "Once upon a time there was a king who")
    await gateway.emit("audio_interrupted", {"itemId": "a1", "audioEndMs": 2340})
    mark = page.locator("#log .line .cut")
    await expect(mark).to_have_text("Interrupted after 2.3 s")
    await _delta(gateway, "a1", "assistant", " never came")
    await _message(gateway, "u1", "user", "Stop")
    await expect(page.locator("#log .text")).to_have_text(
        ["Once upon a time there was a king who", "Stop"]
    )
    cut = {"interrupted": True, "audioEndMs": 2400}
    await _message(gateway, "a1", "assistant", "Once upon a time", data=cut)
    await expect(page.locator("#log .text")).to_have_text(["Once upon a time", "Stop"])
    await expect(mark.first).to_have_text("Interrupted after 2.4 s")


async def test_nothing_that_comes_in_is_markup(page: Page, gateway: PageGateway) -> None:
    markup = '<img src="/no" onerror="window.pwned = 1"><b>bold</b>'
    gateway.session_id = markup
    await page.click("#events > summary")
    await connect(page, gateway)
    await _delta(gateway, "a1", "assistant", markup)
    await _message(gateway, "u1", "user", markup)
    await gateway.emit("error", {"code": "internal", "message": markup})
    await expect(page.locator("#log .text")).to_have_text([markup, markup])
    await expect(page.locator("#problem")).to_contain_text(markup)
    await expect(page.locator("#session-id")).to_contain_text(markup)
    await expect(page.locator("#event-list")).to_contain_text("bold")
    assert (
        await page.locator("main :is(img, b:not(#event-list b)), #problem :is(img, b)").count() == 0
    )
    assert await page.evaluate("() => window.pwned") is None


async def test_what_stops_a_connection_is_told_in_words_until_the_next_attempt(
    page: Page, gateway: PageGateway, faults: list[str]
) -> None:
    title = page.locator(".problem-title")
    gateway.refusals["join_session"] = ("capacity", "the gateway takes no more calls now")
    await page.click("#connect")
    await expect(title).to_have_text("All lines are busy")
    await expect(page.locator(".problem-detail")).to_have_text(
        "capacity: the gateway takes no more calls now"
    )
    gateway.closed_door = "unauthorized"
    await page.click("#connect")
    await expect(title).to_have_text("The gateway did not let you in")

    assert faults == []
    await page.fill("#url", "localhost:9")
    await page.click("#connect")
    await expect(title).to_have_text("The gateway cannot be reached")
    faults.clear()
    await page.fill("#url", "mailto://nobody")
    await page.click("#connect")
    await expect(title).to_have_text("This is not a gateway address")

    gateway.refusals.clear()
    gateway.closed_door = None
    await page.fill("#url", gateway.url.removeprefix("http://"))
    await page.click("#connect")
    await expect(page.locator("#state-session dd")).to_have_text("Connected")
    await expect(page.locator("#problem")).to_be_hidden()


async def test_a_lost_model_is_told_until_it_is_back(page: Page, gateway: PageGateway) -> None:
    await connect(page, gateway)
    await gateway.status("CONNECTING")
    await gateway.emit("error", {"code": "upstream_unavailable", "message": "trying again"})
    await expect(page.locator("#problem")).to_contain_text("The speech model cannot be reached")
    await expect(page.locator("#state-model dd")).to_have_text("Connecting")
    await gateway.status("CONNECTED")
    await expect(page.locator("#problem")).to_be_hidden()


async def test_the_cause_of_an_ended_session_is_not_hidden_by_its_end(
    page: Page, gateway: PageGateway
) -> None:
    await connect(page, gateway)
    await gateway.emit("error", {"code": "session_expired", "message": "nobody spoke"})
    await gateway.status("DISCONNECTED", reason="nobody spoke")
    await expect(page.locator("#state-session")).to_contain_text("Not connected")
    await expect(page.locator(".problem-title")).to_have_text("The session has expired")
    await expect(page.locator("#text")).to_be_disabled()


async def test_every_code_of_the_contract_has_its_own_words(evaluate: Evaluate) -> None:
    codes = [code.value for code in ErrorCode]
    titles = await evaluate(
        """async (codes) => {
            const { problemText } = await import('/client/page/strings.js');
            return codes.map((code) => problemText(code).title);
        }""",
        codes,
    )
    assert len(set(titles)) == len(codes)


def _added(item_id: str, role: str, previous: str | None) -> list[Any]:
    item = {"id": item_id, "type": "message", "role": role}
    event = {"type": "conversation.item.added", "item": item, "previous_item_id": previous}
    return ["observe", event]


def _spoken(item_id: str, role: str, text: str) -> list[Any]:
    return ["delta", {"itemId": item_id, "role": role, "delta": text}]


@pytest.mark.parametrize(
    ("steps", "lines"),
    [
        pytest.param(
            [
                _spoken("a1", "assistant", "answer"),
                _spoken("u1", "user", "question"),
                _added("u1", "user", None),
                _added("a1", "assistant", "u1"),
            ],
            ["question", "answer"],
            id="placed after their text began",
        ),
        pytest.param(
            [
                _added("u1", "user", None),
                ["observe", {"type": "conversation.item.added", "item": {"id": "f1"}}],
                _added("a1", "assistant", "f1"),
                _added("u2", "user", "u1"),
            ],
            ["u1", "u2", "a1"],
            id="a function call keeps its place unseen",
        ),
        pytest.param(
            [
                _spoken("a1", "assistant", "never heard"),
                ["interrupted", {"itemId": "a1", "audioEndMs": 0}],
            ],
            [],
            id="cut before anything was heard",
        ),
        pytest.param(
            [
                _spoken("a1", "assistant", "text ahead of its voice"),
                ["observe", {"type": "response.done", "response": {"status": "cancelled"}}],
            ],
            [],
            id="cancelled before its voice began",
        ),
        pytest.param(
            [
                _added("u1", "user", None),
                ["observe", {"type": "conversation.item.deleted", "item_id": "u1"}],
            ],
            [],
            id="deleted",
        ),
        pytest.param(
            [
                _added("u1", "user", None),
                [
                    "observe",
                    {
                        "type": "conversation.item.input_audio_transcription.completed",
                        "item_id": "u1",
                        "transcript": " ",
                    },
                ],
            ],
            ["?"],
            id="not understood",
        ),
    ],
)
async def test_the_transcript_whatever_order_its_events_take(
    evaluate: Evaluate, steps: list[Any], lines: list[str]
) -> None:
    shown = await evaluate(
        """async (steps) => {
            const { Transcript } = await import('/client/lib/transcript.js');
            const transcript = new Transcript(() => {});
            for (const [feed, event] of steps) transcript[feed](event);
            return transcript.lines.map(({ id, text, unclear }) => (unclear ? '?' : text || id));
        }""",
        steps,
    )
    assert shown == lines


async def _item(gateway: PageGateway, item_id: str, role: str, previous: str | None) -> None:
    item = {"id": item_id, "type": "message", "role": role, "content": []}
    await gateway.realtime("conversation.item.added", item=item, previous_item_id=previous)


async def _delta(gateway: PageGateway, item_id: str, role: str, delta: str) -> None:
    await gateway.emit("transcript_delta", {"itemId": item_id, "role": role, "delta": delta})


async def _message(
    gateway: PageGateway, item_id: str, role: str, content: str, type: str = "audio", **more: Any
) -> None:
    line = {"id": item_id, "type": type, "role": role, "content": content, **more}
    await gateway.emit("message", {**line, "timestamp": 1_760_000_000_000})
    await gateway.emit("transcript", content, role)
