"""SDP fragments of trickled candidates and ICE restarts (RFC 8840 §9), as WHIP has them (RFC 9725
§4.3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway.core.candidate import IceCandidate
from gateway.core.sdp import parse_sdp
from gateway.core.sdp_grammar import SdpError

MAX_CANDIDATES = 64

_PSEUDO_SECTION = "m=audio 9 UDP/TLS/RTP/SAVPF 0"
"""RFC 8840 §9.1: what candidates belong to; ports and formats say nothing."""


@dataclass(frozen=True, slots=True)
class SdpFragment:
    """Candidates of one ICE generation.

    :ivar ice_ufrag: of the generation; empty: not said.
    """

    ice_ufrag: str = ""
    ice_pwd: str = ""
    candidates: tuple[IceCandidate, ...] = ()
    end_of_candidates: bool = False

    @classmethod
    def parse(cls, text: str) -> SdpFragment:
        """Read a fragment. All sections are one transport here, so their candidates are one list.

        :raises SdpError: it is no fragment.
        """
        values: dict[str, str] = {}
        candidates: list[IceCandidate] = []
        ended = False
        for line in filter(None, (line.strip() for line in text.splitlines())):
            if line[1:2] != "=":
                raise SdpError(f"not a line of SDP: {line[:60]!r}")
            name, _, value = line.removeprefix("a=").partition(":")
            if name in ("ice-ufrag", "ice-pwd"):
                if values.setdefault(name, value) != value:
                    raise SdpError(f"two values of {name} in one fragment")
            elif name == "candidate":
                candidates.append(IceCandidate.parse(line))
            ended = ended or line == "a=end-of-candidates"
        if len(candidates) > MAX_CANDIDATES:
            raise SdpError(f"{len(candidates)} candidates in one fragment")
        if not (values or candidates or ended):
            raise SdpError("the fragment is empty")
        ufrag, password = values.get("ice-ufrag", ""), values.get("ice-pwd", "")
        return cls(ufrag, password, tuple(candidates), ended)

    def format(self, mid: str | None) -> str:
        """The fragment as text, its candidates under the section ``mid``."""
        lines = [
            f"a=ice-ufrag:{self.ice_ufrag}",
            f"a=ice-pwd:{self.ice_pwd}",
            _PSEUDO_SECTION,
            *([f"a=mid:{mid}"] if mid is not None else []),
            *(f"a={candidate.format()}" for candidate in self.candidates),
            *(["a=end-of-candidates"] if self.end_of_candidates else []),
        ]
        return "".join(f"{line}\r\n" for line in lines)


def restarted(offer: str, fragment: SdpFragment) -> str:
    """An earlier offer as it is after an ICE restart that ``fragment`` tells of.

    :raises SdpError: the fragment has no credentials.
    """
    if not (fragment.ice_ufrag and fragment.ice_pwd):
        raise SdpError("an ICE restart needs a=ice-ufrag and a=ice-pwd")
    description = parse_sdp(offer)
    media = tuple(
        replace(
            section,
            ice_ufrag=fragment.ice_ufrag,
            ice_pwd=fragment.ice_pwd,
            candidates=fragment.candidates,
            end_of_candidates=fragment.end_of_candidates,
        )
        for section in description.media
    )
    return replace(description, media=media).format()


def ice_of(description: str) -> tuple[SdpFragment, str | None]:
    """The ICE part of a description, and the mid of the section that has it."""
    sections = parse_sdp(description).media
    tagged = next((s for s in sections if s.candidates), sections[0])
    fragment = SdpFragment(
        tagged.ice_ufrag or "",
        tagged.ice_pwd or "",
        tagged.candidates,
        tagged.end_of_candidates,
    )
    return fragment, tagged.mid
