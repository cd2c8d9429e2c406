"""Sign in with Slack: codes, user tokens and the signed statement of who somebody is.

The flow is OpenID Connect's authorisation code flow as Slack serves it. One difference: Slack signs as
`https://slack.com`, the workspace as its own address, because an OpenID client checks that against where it looked.
https://docs.slack.dev/authentication/sign-in-with-slack
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from bot.workspace.limits import Limits
from bot.workspace.model import Member
from bot.workspace.state import State
from bot.workspace.wire import Json, Refused

# Where an app may be met again. `[::1]` is not among them: no content security policy can name it.
LOCAL_HOSTS = ("127.0.0.1", "localhost")
SCOPES = ("openid", "profile", "email")
_ALGORITHM = "RS256"
_KEY_ID = "local"


@dataclass(frozen=True, slots=True)
class Request:
    """What an app asks of a person: who they are, for which `scopes`, with the answer sent to `redirect_uri`."""

    redirect_uri: str
    scopes: Sequence[str]
    state: str = ""
    nonce: str = ""


@dataclass(slots=True)
class _Code:
    request: Request
    user: str
    signed_in_at: datetime
    used: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """What an access token is good for."""

    user: str
    scopes: Sequence[str]


class SignIn:
    """The codes and tokens handed out; forgotten when the workspace stops."""

    def __init__(self, state: State, limits: Limits) -> None:
        self._state = state
        self._limits = limits
        self._codes: dict[str, _Code] = {}
        self._grants: dict[str, Grant] = {}

    def asked(self, given: Mapping[str, str]) -> Request:
        """Return a valid request from the query of the authorisation page.

        Raises:
            Refused: It names an app that is not installed or an address that is not on loopback, or asks for more than
                who somebody is.
        """
        seed = self._state.seed
        if given.get("client_id") != seed.app.client_id:
            raise Refused("invalid_client_id", status=400)
        redirect_uri = given.get("redirect_uri", "")
        if not _is_local(redirect_uri):
            raise Refused("bad_redirect_uri", status=400)
        if given.get("response_type") != "code":
            raise Refused("unsupported_response_type", status=400)
        scopes = tuple(given.get("scope", "").replace(",", " ").split())
        if "openid" not in scopes or not set(scopes) <= set(SCOPES):
            raise Refused("invalid_scope", status=400)
        if given.get("team", seed.team_id) != seed.team_id:
            raise Refused("invalid_team_for_non_distributed_app", status=400)
        return Request(redirect_uri, scopes, given.get("state", ""), given.get("nonce", ""))

    def allow(self, request: Request, member: Member) -> str:
        """Return a code for what a person allowed; it is good once, and not for long."""
        code = secrets.token_urlsafe(24)
        self._codes[code] = _Code(request, member.id, self._state.now())
        return code

    def exchange(self, code: str, redirect_uri: str, issuer: str) -> Json:
        """Use a code up and return `access_token`, `token_type` and `id_token`.

        Raises:
            Refused: There is no such code, it is too old or used, or the address is not the one it was given for.
        """
        found = self._codes.get(code)
        if found is None or self._state.now() - found.signed_in_at > self._limits.sign_in_code_lives:
            raise Refused("invalid_code")
        if found.used:
            raise Refused("code_already_used")
        if redirect_uri != found.request.redirect_uri:
            raise Refused("bad_redirect_uri")
        found.used = True
        token = f"xoxp-local-{secrets.token_hex(16)}"
        self._grants[token] = Grant(found.user, found.request.scopes)
        return {"access_token": token, "token_type": "Bearer", "id_token": self._statement(found, token, issuer)}

    def grant(self, token: str) -> Grant | None:
        """Return what a user token is good for; `None` if it is none."""
        return self._grants.get(token)

    def claims(self, grant: Grant) -> Json:
        """Return what the scopes let an app know of a person; the workspace has no pictures, so none are named."""
        seed, member = self._state.seed, self._state.member(grant.user)
        claims: Json = {
            "sub": member.id,
            "https://slack.com/user_id": member.id,
            "https://slack.com/team_id": seed.team_id,
        }
        if "email" in grant.scopes:
            claims |= {"email": member.email, "email_verified": True}
        if "profile" in grant.scopes:
            claims |= {
                "name": member.real_name,
                "given_name": "",
                "family_name": "",
                "locale": "en-US",
                "https://slack.com/team_name": seed.team_name,
                "https://slack.com/team_domain": seed.domain,
            }
        return claims

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65_537, key_size=2048)

    def keys(self) -> Json:
        """Return the public key as a JSON Web Key Set."""
        public = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [public | {"kid": _KEY_ID, "alg": _ALGORITHM, "use": "sig"}]}

    def _statement(self, code: _Code, token: str, issuer: str) -> str:
        issued = int(self._state.now().timestamp())
        claims = self.claims(self._grants[token]) | {
            "iss": issuer,
            "aud": self._state.seed.app.client_id,
            "iat": issued,
            "exp": issued + int(self._limits.id_token_lives.total_seconds()),
            "auth_time": int(code.signed_in_at.timestamp()),
            "at_hash": _half_hash(token),
        }
        nonce = {"nonce": code.request.nonce} if code.request.nonce else {}
        return jwt.encode(claims | nonce, self._key, _ALGORITHM, headers={"kid": _KEY_ID})


def _is_local(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "http" and parts.hostname in LOCAL_HOSTS and not parts.fragment


def _half_hash(token: str) -> str:
    """Return `at_hash` (OpenID Connect Core 1.0, section 3.1.3.6)."""
    digest = hashlib.sha256(token.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode("ascii")
