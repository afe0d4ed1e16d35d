"""A real browser makes and uses a passkey, and what it answers is taken: the other half of the software passkey."""

import json
import shutil
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import sync_playwright

from twinbook.domain.canonical import canonical
from twinbook.domain.errors import SignatureRefused
from twinbook.domain.party import PaperKind, Role
from twinbook.keys import passkeys
from twinbook.keys.signatures import verify

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium isn't installed: run `make deps` as root")

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
VIRTUAL_AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
FRESH = bytes(range(32))
PAPER = {"type": PaperKind.CONSENT.value, "talent": "mira", "name": "Mira Holm", "purpose": "Bilder für Händler 👗"}
MESSAGE = canonical(PAPER)
PAGE = b"""<!doctype html><meta charset="utf-8"><title>A home</title><script>
const hex = (buffer) => [...new Uint8Array(buffer)].map((b) => b.toString(16).padStart(2, "0")).join("");
const bytes = (text) => Uint8Array.from(text.match(/../g) ?? [], (b) => parseInt(b, 16));
async function create([challenge, alg, rpId]) {
  const made = await navigator.credentials.create({ publicKey: {
    challenge: bytes(challenge), rp: { id: rpId, name: "A home" }, pubKeyCredParams: [{ type: "public-key", alg }],
    user: { id: new TextEncoder().encode("mira"), name: "mira", displayName: "Mira Holm" },
    authenticatorSelection: { residentKey: "required", userVerification: "required" },
  } });
  return [hex(made.response.attestationObject), hex(made.response.clientDataJSON)];
}
async function sign([challenge, rpId, userVerification]) {
  const { response } = await navigator.credentials.get({ publicKey: {
    challenge: bytes(challenge), rpId, userVerification } });
  return [hex(response.authenticatorData), hex(response.clientDataJSON), hex(response.signature)];
}
</script>"""


class _Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_):
        pass


@contextmanager
def served():
    """The page on this machine alone; gives its origin."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def device(chromium):
    """A tab with an authenticator of its own; gives the tab and a way to say whether its person is verified."""
    with chromium.new_context() as context:
        tab = context.new_page()
        devtools = context.new_cdp_session(tab)
        devtools.send("WebAuthn.enable")
        made = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": VIRTUAL_AUTHENTICATOR})

        def verified(is_she: bool) -> None:
            devtools.send("WebAuthn.setUserVerified", made | {"isUserVerified": is_she})

        yield tab, verified


@pytest.fixture
def home():
    with served() as origin:
        yield origin


def create(tab, origin, alg=-7):
    tab.goto(origin)
    answer = tab.evaluate("create", [FRESH.hex(), alg, "localhost"])
    return [bytes.fromhex(part) for part in answer]


def register(tab, origin, alg=-7):
    return passkeys.registered(
        *create(tab, origin, alg),
        challenge=FRESH,
        rp_id="localhost",
        origin=origin,
        party="mira",
        role=Role.TALENT,
    )


def signed(tab, key, message, user_verification="required"):
    answer = tab.evaluate("sign", [passkeys.challenge(message).hex(), key.rp_id, user_verification])
    return passkeys.from_response(key, *(bytes.fromhex(part) for part in answer))


def seen(signature):
    """Where the browser says it was."""
    client = json.loads(bytes.fromhex(signature.evidence["client_data"]))
    return {name: client[name] for name in ("origin", "crossOrigin")}


@pytest.mark.parametrize(("alg", "algorithm"), [(-7, passkeys.ES256), (-8, passkeys.EDDSA)])
def test_a_browsers_passkey_signs_a_consent(device, home, alg, algorithm):
    tab, _ = device
    key = register(tab, home, alg)
    assert key.algorithm == algorithm
    signature = signed(tab, key, MESSAGE)
    assert verify(MESSAGE, signature, key)
    assert not verify(MESSAGE + b" ", signature, key)


def test_a_browsers_other_algorithms_are_refused(device, home):
    tab, _ = device
    with pytest.raises(SignatureRefused, match="neither ES256 nor EdDSA"):
        register(tab, home, alg=-257)


def test_a_page_beside_ours_gets_a_signature_that_is_worth_nothing(device, home):
    """Same host, other port: the browser lets it use the passkey, since the relying party is the same."""
    tab, _ = device
    key = register(tab, home)
    with served() as beside:
        tab.goto(beside)
        signature = signed(tab, key, MESSAGE)
        assert seen(signature) == {"origin": beside, "crossOrigin": False}
        assert not verify(MESSAGE, signature, key)
    tab.goto(home)
    assert verify(MESSAGE, signed(tab, key, MESSAGE), key)


def test_who_was_not_verified_did_not_sign(device, home):
    tab, verified = device
    key = register(tab, home)
    verified(False)
    assert not verify(MESSAGE, signed(tab, key, MESSAGE, user_verification="discouraged"), key)
    verified(True)
    assert verify(MESSAGE, signed(tab, key, MESSAGE), key)


def test_a_frame_in_somebody_elses_page_gets_nothing_of_worth(device, home):
    """A page on another site frames ours, with leave to use passkeys: what she can't see she didn't sign."""
    tab, _ = device
    key = register(tab, home)
    tab.goto(home.replace("localhost", "127.0.0.1"))
    tab.evaluate(
        """(home) => new Promise((loaded) => {
            const frame = document.createElement("iframe");
            frame.allow = "publickey-credentials-get *";
            frame.onload = loaded;
            frame.src = home;
            document.body.append(frame);
        }).then(() => true)""",
        home,
    )
    signature = signed(tab.frames[1], key, MESSAGE)
    assert seen(signature) == {"origin": home, "crossOrigin": True}
    assert not verify(MESSAGE, signature, key)
