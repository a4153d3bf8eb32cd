"""Fragments of trickled candidates and ICE restarts."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.sdp import parse_sdp
from gateway.core.sdp_fragment import MAX_CANDIDATES, SdpFragment, ice_of, restarted
from gateway.core.sdp_grammar import SdpError

CHROMIUM = (Path(__file__).parent / "sdp" / "chromium.sdp").read_text()
CANDIDATE = "candidate:1 1 udp 2113937151 192.0.2.1 50000 typ host"
WHIP_WHEP = (
    "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
    f"m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na={CANDIDATE}\r\na=end-of-candidates\r\n"
)


def test_a_fragment_says_whose_candidates_it_brings() -> None:
    fragment = SdpFragment.parse(WHIP_WHEP)
    assert (fragment.ice_ufrag, fragment.ice_pwd) == ("EsAw", "P2uYro0UCOQ4zxjKXaWCBui1")
    assert [candidate.port for candidate in fragment.candidates] == [50000]
    assert fragment.end_of_candidates
    assert SdpFragment.parse(fragment.format("0")) == fragment
    assert "a=mid" not in fragment.format(None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n",
        "nonsense",
        "a=candidate:1 1 udp\r\n",
        "a=ice-ufrag:one\r\na=ice-ufrag:two\r\n",
        f"a={CANDIDATE}\r\n" * (MAX_CANDIDATES + 1),
    ],
)
def test_what_is_no_fragment_is_refused(text: str) -> None:
    with pytest.raises(SdpError):
        SdpFragment.parse(text)


@given(st.text(max_size=200) | st.lists(st.sampled_from(WHIP_WHEP.split("\r\n"))).map("\n".join))
def test_whatever_comes_it_is_a_fragment_or_an_error(text: str) -> None:
    try:
        fragment = SdpFragment.parse(text)
    except SdpError:
        return
    assert SdpFragment.parse(fragment.format("0")).candidates == fragment.candidates


def test_a_restart_changes_the_ice_part_of_an_offer_and_nothing_else() -> None:
    fragment = SdpFragment.parse(WHIP_WHEP)
    before, after = parse_sdp(CHROMIUM), parse_sdp(restarted(CHROMIUM, fragment))
    assert {section.ice_ufrag for section in after.media} == {"EsAw"}
    assert ice_of(restarted(CHROMIUM, fragment)) == (fragment, before.media[0].mid)
    assert [s.fingerprints for s in after.media] == [s.fingerprints for s in before.media]
    assert [s.codecs for s in after.media] == [s.codecs for s in before.media]
    assert after.bundle == before.bundle
    with pytest.raises(SdpError):
        restarted(CHROMIUM, SdpFragment(candidates=fragment.candidates))
