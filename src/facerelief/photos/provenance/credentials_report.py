"""What a C2PA manifest says, from the library's report on it."""

from dataclasses import dataclass
from typing import Any

from facerelief.photos.provenance.certificates import LOCAL

_ACTIONS = ("c2pa.actions", "c2pa.actions.v2")  # labels; a further one of a kind ends in __1, __2, ...
UNTRUSTED = "signingCredential.untrusted"


@dataclass(frozen=True)
class Credentials:
    """The content of a C2PA manifest.

    Args:
        state: "trusted", "untrusted" (unchanged, but signed with an unknown certificate) or "invalid".
        signer: The certificate's issuer.
        actions: C2PA's names of what was done.
        source_type: IPTC's digital source type of the edit, or "".
        problems: C2PA's codes of validation errors.
    """

    state: str
    signer: str
    actions: tuple[str, ...]
    source_type: str
    problems: tuple[str, ...]

    @property
    def made_here(self) -> bool:
        """Whether it was signed with a temporary certificate of this program."""
        return self.signer == LOCAL


def parse_report(found: dict[str, Any]) -> Credentials:
    """Parse C2PA's report; malformed actions of foreign manifests are skipped."""
    manifest = found["manifests"].get(found.get("active_manifest"), {})
    actions = [action for one in manifest.get("assertions", ()) for action in _actions(one)]
    types = [kind for action in actions if isinstance(kind := action.get("digitalSourceType"), str)]
    problems = tuple(
        dict.fromkeys(one["code"] for one in found.get("validation_status", ()) if one["code"] != UNTRUSTED)
    )
    state = {"Trusted": "trusted", "Valid": "untrusted"}.get(found.get("validation_state", ""), "invalid")
    signer = manifest.get("signature_info", {}).get("issuer") or "unknown"
    return Credentials(state, signer, tuple(action["action"] for action in actions), (types or [""])[-1], problems)


def _actions(assertion: dict[str, Any]) -> list[dict[str, Any]]:
    """The well-formed actions of an assertion, whose content is untrusted."""
    data = assertion.get("data")
    if assertion["label"].split("__")[0] not in _ACTIONS or not isinstance(data, dict):
        return []
    actions = data.get("actions")
    if not isinstance(actions, list):
        return []
    return [one for one in actions if isinstance(one, dict) and isinstance(one.get("action"), str)]
