"""An identity provider over real HTTP on loopback that signs whatever a test wants, and holds the client to the protocol."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT, SECRET = "posture", "s3cret & spaces"
Claims = dict[str, Any]


@dataclass
class Crooked:
    """What the provider answers; a test changes it."""

    issuer: str = ""
    claims: Claims = field(default_factory=dict)
    challenge: str = ""
    """Of the sign-in that was begun; a verifier that does not fit is refused."""
    back: str = ""
    key: Any = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}))
    signed: Callable[[Crooked], str] | None = None
    """Makes the token some other way."""
    metadata: dict[str, Any] = field(default_factory=dict)
    redeemed: int = 0
    down: bool = False
    """It hangs up on everybody."""
    asked: int = 0
    later: Callable[[], None] = lambda: None
    """What a browser test has happen in the middle of its way, by asking for ``/later``."""
    prompts: list[str] = field(default_factory=list)
    """What each browser that was sent here was to be shown."""

    def token(self) -> str:
        if self.signed is not None:
            return self.signed(self)
        return jwt.encode({"alg": "RS256", "kid": "one"}, self.claims, self.key, algorithms=["RS256"])

    def about(self) -> dict[str, Any]:
        ends = {name: f"{self.issuer}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
        return {"issuer": self.issuer, **ends, **self.metadata}

    def redeem(self, fields: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        made = base64.urlsafe_b64encode(hashlib.sha256(fields.get("code_verifier", "").encode()).digest())
        wanted = "Basic " + base64.b64encode(b"posture:s3cret%20%26%20spaces").decode()
        if authorization != wanted:
            return 401, {"error": "invalid_client"}
        if (
            fields.get("code") != "good"
            or made.rstrip(b"=").decode() != self.challenge
            or fields["redirect_uri"] != self.back
        ):
            return 400, {"error": "invalid_grant"}
        self.redeemed += 1
        return 200, {"access_token": "a", "token_type": "Bearer", "id_token": self.token()}


@contextmanager
def crooked() -> Iterator[Crooked]:
    """Yield a running provider."""
    provider = Crooked()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            if path == "/authorization_endpoint":
                self._send_back(dict(parse_qsl(query)))
                return
            if path == "/later":
                provider.later()
            keys = {"keys": [provider.key.as_dict(private=False)]}
            self._say(200, keys if self.path == "/jwks_uri" else provider.about())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            fields = {name: values[0] for name, values in parse_qs(body).items()}
            self._say(*provider.redeem(fields, self.headers.get("authorization", "")))

        def _send_back(self, asked: dict[str, str]) -> None:
            """Somebody is signed in here already, and nobody is asked anything."""
            provider.prompts.append(asked.get("prompt", ""))
            provider.claims["nonce"] = asked["nonce"]
            provider.challenge, provider.back = asked["code_challenge"], asked["redirect_uri"]
            self.send_response(302)
            self.send_header("location", f"{provider.back}?{urlencode({'code': 'good', 'state': asked['state']})}")
            self.send_header("content-length", "0")
            self.end_headers()

        def _say(self, status: int, content: dict[str, Any]) -> None:
            provider.asked += 1
            if provider.down:
                return
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def other_key(provider: Crooked) -> str:
    """A token that another key of the same name signed."""
    return jwt.encode({"alg": "RS256", "kid": "one"}, provider.claims, RSAKey.generate_key(2048), algorithms=["RS256"])


def elliptic_key(provider: Crooked) -> str:
    """A token that claims an algorithm the named key is not for."""
    key = ECKey.generate_key("P-256")
    return jwt.encode({"alg": "ES256", "kid": "one"}, provider.claims, key, algorithms=["ES256"])


def unsigned(provider: Crooked) -> str:
    """A token of algorithm ``none``."""
    return f"{part({'alg': 'none', 'kid': 'one'})}.{part(provider.claims)}."


def shared_secret(provider: Crooked) -> str:
    """A token signed with the public key as if it were a secret."""
    import hmac

    signed = f"{part({'alg': 'HS256', 'kid': 'one'})}.{part(provider.claims)}"
    seal = hmac.new(provider.key.as_pem(private=False), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(seal).rstrip(b'=').decode()}"


def unknown_key(provider: Crooked) -> str:
    """A token of a key that the provider does not publish."""
    key = RSAKey.generate_key(2048)
    return jwt.encode({"alg": "RS256", "kid": "two"}, provider.claims, key, algorithms=["RS256"])


def changed(provider: Crooked) -> str:
    """A signed token whose claims were changed afterwards."""
    head, _, seal = jwt.encode(
        {"alg": "RS256", "kid": "one"}, provider.claims, provider.key, algorithms=["RS256"]
    ).split(".")
    return f"{head}.{part({**provider.claims, 'groups': ['posture-admins']})}.{seal}"


def part(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()
