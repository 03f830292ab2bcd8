"""What an identity provider says of a person: OpenID Connect, authorization code flow with PKCE, state and nonce.

provider = Provider(settings)
asked = provider.ask()                      # send the browser to asked.address, remember the rest
claims = provider.redeem(code, asked)       # the ID token's claims, or a RefusedError that says why not

Nothing a browser brings is believed: the code is redeemed at the provider over TLS, and the ID token's signature,
issuer, audience, times and nonce are checked. Source: OpenID Connect Core 1.0, 3.1.3.7; RFC 7636; RFC 9700.
"""

from __future__ import annotations

import base64
import json
import logging
import re
import secrets
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from posture.errors import PostureError
from posture.inputs.serve_file import LOOPBACK

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures with a key pair only: `none` is no signature, and HS256 would take the public key for a shared secret."""
_LEEWAY_S = 60  # clocks of two machines
_TIMEOUT_S = 10
_MAX_ANSWER = 256 << 10  # bytes; a key set with certificates has some 20 kB
_FRESH = timedelta(hours=1)  # what the provider says of itself is asked again after this
_QUIET = timedelta(seconds=30)  # one that gave no answer is asked again after this: nobody else waits for it meanwhile
_KEYS_AGAIN = timedelta(minutes=1)  # an unknown key id fetches the keys anew, this often at most
_ERROR = re.compile(r"[a-z_]{1,40}")  # RFC 6749, 5.2: the words a provider refuses with


_LOG = logging.getLogger("posture.serve")


class RefusedError(PostureError):
    """Why somebody is not let in; the message is fit for the page and the audit log."""


class SilentError(RefusedError):
    """The provider gives no answer: nothing is known of anybody."""


@dataclass(frozen=True, slots=True)
class Client:
    """How this program is known at the provider."""

    issuer: str
    client_id: str
    secret: str = field(repr=False)
    back: str
    """The redirect URI, exactly as registered there."""
    scopes: tuple[str, ...] = ("openid", "profile")
    tls: ssl.SSLContext | None = None
    """Whom the provider's certificate must come from; this machine's own authorities when left out."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One begun sign-in: where the browser is sent, and what is held against what comes back."""

    address: str
    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    at: datetime


@dataclass
class Provider:
    """Asks one identity provider; safe to use from several threads."""

    client: Client
    now: Callable[[], datetime]
    _about: dict[str, Any] = field(default_factory=dict)
    _about_at: datetime | None = None
    _keys: tuple[dict[str, Any], ...] = ()
    _keys_at: datetime | None = None
    _silent_at: datetime | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def silence(self) -> str:
        """Return since when the provider gives no answer, in words; empty when it gave one, or may be asked again."""
        at = self._silent_at
        if at is None or self.now() - at >= _QUIET:
            return ""
        return f"gave no answer at {at:%H:%M:%S} UTC and is asked again from {at + _QUIET:%H:%M:%S} UTC on"

    def ask(self, *, unseen: bool = False) -> Asked:
        """Return a new sign-in; ``unseen`` has the provider answer at once and show nobody anything (``prompt=none``).

        Raises:
            RefusedError: the provider cannot be reached, or is not the one that is configured.
        """
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        address = prepare_grant_uri(
            self._endpoint("authorization_endpoint"),
            self.client.client_id,
            "code",
            redirect_uri=self.client.back,
            scope=" ".join(self.client.scopes),
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
            **({"prompt": "none"} if unseen else {}),
        )
        return Asked(address, state, nonce, verifier, self.now())

    def redeem(self, code: str, asked: Asked) -> Mapping[str, Any]:
        """Return the claims of the ID token that a code stands for.

        Raises:
            RefusedError: the provider refuses the code, or the token is not what it must be.
        """
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.client.back,
            "code_verifier": asked.verifier,
        }
        headers = {}
        ways = self._metadata().get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if "client_secret_basic" in ways or "client_secret_post" not in ways:
            headers["Authorization"] = _basic(self.client)
        else:
            fields |= {"client_id": self.client.client_id, "client_secret": self.client.secret}
        said = self._fetch(self._endpoint("token_endpoint"), urlencode(fields).encode(), headers)
        token = said.get("id_token")
        if not isinstance(token, str):
            raise RefusedError("the identity provider sent no ID token", hint="the scope must hold `openid`")
        return self._checked(token, asked, said.get("access_token"))

    def _checked(self, token: str, asked: Asked, access_token: object) -> Mapping[str, Any]:
        try:
            key = self._key(jws.extract_compact(token.encode()).headers())
            found = jwt.decode(token, key, algorithms=list(ALGORITHMS))
            claims = CodeIDToken(
                found.claims,
                found.header,
                options={
                    "iss": {"essential": True, "value": self.client.issuer},
                    "aud": {"essential": True, "value": self.client.client_id},
                    "sub": {"essential": True},
                },
                params={"nonce": asked.nonce, "client_id": self.client.client_id, "access_token": access_token},
            )
            claims.validate(now=int(self.now().timestamp()), leeway=_LEEWAY_S)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            why = re.sub(r"[^ -~]", "?", str(error))[:120] or type(error).__name__
            raise RefusedError(f"the ID token is refused: {why}", hint=_HINT) from None
        if not isinstance(claims["sub"], str) or not claims["sub"]:
            raise RefusedError("the ID token is refused: its subject is no text", hint=_HINT)
        return dict(claims)

    def _key(self, header: Mapping[str, Any]) -> Any:
        """Return the provider's key that a token names, or its only one; a key that is new is fetched."""
        if header.get("alg") not in ALGORITHMS:
            raise ValueError(f"its algorithm {header.get('alg')!r} is not allowed")
        name = header.get("kid")

        def named() -> list[dict[str, Any]]:
            return [one for one in self._keys if name is None or one.get("kid") == name]

        with self._lock:
            now = self.now()
            if self._keys_at is None or now - self._keys_at > (_KEYS_AGAIN if not named() else _FRESH):
                said = self._fetch(self._endpoint("jwks_uri")).get("keys")
                keys = [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []
                # A shared secret or a key for encryption signs no token.
                self._keys = tuple(
                    one for one in keys if one.get("kty") in ("RSA", "EC") and one.get("use", "sig") == "sig"
                )
                self._keys_at = now
            found = named()
        if len(found) != 1:
            raise ValueError("no key of the provider is the one that it names")
        return KeySet.import_key_set({"keys": found}).keys[0]

    def _endpoint(self, name: str) -> str:
        address = self._metadata().get(name)
        if not isinstance(address, str) or not allowed_address(address, like=self.client.issuer):
            raise RefusedError(f"the identity provider names no https `{name}`", hint=_HINT)
        return address

    def _metadata(self) -> dict[str, Any]:
        now = self.now()
        if self._about_at is None or now - self._about_at > _FRESH:
            found = self._fetch(f"{self.client.issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self.client.issuer:
                hint = "`issuer` in the configuration must be what the provider calls itself, to the last slash"
                raise RefusedError("the identity provider calls itself by another name", hint=hint)
            self._about, self._about_at = found, now
        return self._about

    def _fetch(
        self, address: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        if silent := self.silence():
            raise SilentError(f"the identity provider {silent}", hint=_HINT)
        context = self.client.tls or ssl.create_default_context()
        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _Stay())
        asked = urllib.request.Request(address, body, {"Accept": "application/json", **(headers or {})})  # noqa: S310
        try:
            with opener.open(asked, timeout=_TIMEOUT_S) as answer:
                content = answer.read(_MAX_ANSWER + 1)
            if len(content) > _MAX_ANSWER:
                raise RefusedError("the identity provider answers without end", hint=_HINT)
            said = json.loads(content)
        except urllib.error.HTTPError as error:
            raise RefusedError(f"the identity provider refuses: {_word(error)}", hint=_HINT) from None
        except (OSError, HTTPException, ValueError, RecursionError) as error:
            self._silent_at = self.now()
            _LOG.warning("the identity provider gives no answer: %s", type(error).__name__)
            raise SilentError(f"the identity provider gives no answer: {type(error).__name__}", hint=_HINT) from None
        if not isinstance(said, dict):
            raise RefusedError("the identity provider gives no answer that can be read", hint=_HINT)
        return said


_HINT = "begin again; if it stays so, ask whoever looks after the identity provider"


class _Stay(urllib.request.HTTPRedirectHandler):
    """A secret is sent to the address that is configured, and to no other."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow nothing."""


def allowed_address(address: str, *, like: str = "") -> bool:
    """Return whether an address may be asked: https, or http on this machine itself where the issuer is so too."""
    try:
        parts, issuer = urlsplit(address), urlsplit(like or address)
    except ValueError:
        return False
    if not parts.hostname:
        return False
    plain = {parts.scheme, issuer.scheme} == {"http"} and {parts.hostname, issuer.hostname} <= set(LOOPBACK)
    return parts.scheme == "https" or plain


def _basic(client: Client) -> str:
    """RFC 6749, 2.3.1: both are form-encoded before they are joined."""
    both = f"{quote(client.client_id, safe='')}:{quote(client.secret, safe='')}"
    return f"Basic {base64.b64encode(both.encode()).decode()}"


def _word(error: urllib.error.HTTPError) -> str:
    try:
        said = json.loads(error.read(_MAX_ANSWER)).get("error", "")
    except (OSError, ValueError, AttributeError, RecursionError):
        said = ""
    return said if isinstance(said, str) and _ERROR.fullmatch(said) else f"status {error.code}"
