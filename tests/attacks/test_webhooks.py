"""A brand chooses where the home connects to. Whatever it writes there, nothing inside is reached."""

import socket

import pytest

from twinbook import testing
from twinbook.domain.errors import InputError, StateError, TwinbookError
from twinbook.domain.notice import Delivery
from twinbook.domain.party import Role
from twinbook.post import HttpPost
from twinbook.services import notify

PUBLIC = "93.184.215.14"

# What resolvers and parsers read differently, or as an address inside.
TRICKS = [
    "http://169.254.169.254/latest/meta-data/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fd00:ec2::254]/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:0:0:0:0:80ff:fffe]/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://0x7f.1/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://2130706433/",
    "https://127.0.0.01/",
    "https://127.0.0.1./",
    "https://0/",
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://172.31.255.255/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://100.100.100.200/",
    "https://192.0.0.192/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://240.0.0.1/",
    "https://localhost/",
    "https://LOCALHOST./",
    "https://user@example.com/",
    "https://user:password@example.com/",
    "https://example.com@127.0.0.1/",
    "https://127.0.0.1#@example.com/",
    "https://127.0.0.1\\@example.com/",
    "https://example.com\\.evil.example/",
    "https://example.com\t.evil/",
    "https://exam\nple.com/",
    "https://example.com/ HTTP/1.1\r\nhost: inside",
    "https://example.com/#fragment",
    "https://example.com:0/",
    "https://example.com:65536/",
    "https://example.com:x/",
    "https://%31%32%37.0.0.1/",
    "https://①②⑦.0.0.1/",
    "https://exämple.com/",
    "https://[example.com]/",
    "https://[127.0.0.1]/",
    "https:///path",
    "https:/example.com/",
    "https:example.com",
    "https://",
    "//example.com/",
    "http://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "javascript:alert(1)",
    "",
    "https://" + "a" * 3000 + ".example/",
    "https://-.example/",
    "https://a..example/",
]


def system(host, port):
    """A resolver that reads numbers as the C library does, and knows every other name as public."""
    try:
        return [socket.inet_ntoa(socket.inet_aton(host))]
    except OSError:
        return ["127.0.0.1"] if host == "localhost" else [PUBLIC]


class Dialled(Exception):
    pass


@pytest.fixture
def lines(monkeypatch):
    """Every connection that would be made, and none is."""
    made = []

    def dial(address, *_arguments, **_more):
        made.append(address)
        raise OSError("not in a test")

    monkeypatch.setattr(socket, "create_connection", dial)
    return made


@pytest.mark.parametrize("url", TRICKS)
def test_nothing_inside_is_ever_connected_to(url, lines):
    post = HttpPost(resolve=system)
    with pytest.raises(InputError, match=r"notice\.address"):
        post.check(url)
    with pytest.raises(InputError, match=r"notice\.address"):
        post.send(url, {}, b"{}")
    assert lines == []


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook?id=1",
        "https://xn--exmple-cua.com:8443/",
        f"https://{PUBLIC}/",
        "https://[2606:4700::1111]/",
    ],
)
def test_the_public_internet_is(url, lines):
    post = HttpPost(resolve=system)
    post.check(url)
    with pytest.raises(StateError, match=r"notice\.undelivered"):
        post.send(url, {}, b"{}")
    assert len(lines) == 1


INSIDE = [
    "127.0.0.1",
    "10.1.2.3",
    "169.254.169.254",
    "::1",
    "fe80::1%2",
    "fd00:ec2::254",
    "fd12:3456::1",
    "::ffff:10.0.0.1",
    "0.0.0.0",
    "100.64.1.1",
]


@pytest.mark.parametrize("address", INSIDE)
@pytest.mark.parametrize("beside", [[], [PUBLIC]], ids=["alone", "beside a public one"])
def test_a_name_that_leads_inside_is_refused(address, beside, lines):
    for answer in ([*beside, address], [address, *beside]):
        post = HttpPost(resolve=lambda *_, answer=answer: answer)
        with pytest.raises(InputError, match=r"notice\.address"):
            post.check("https://harmless.example/")
        with pytest.raises(InputError, match=r"notice\.address"):
            post.send("https://harmless.example/", {}, b"{}")
    assert lines == []


def test_a_name_that_changes_its_mind_is_asked_once_and_dialled_as_it_answered(lines):
    """DNS rebinding: public when it is judged, inside when it is connected to. There is no second question."""
    answers = [[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]]
    asked = []

    def rebinding(host, _port):
        asked.append(host)
        return answers.pop(0)

    with pytest.raises(StateError, match=r"notice\.undelivered"):
        HttpPost(resolve=rebinding).send("https://rebinding.example/", {}, b"{}")
    assert asked == ["rebinding.example"]
    assert [address for address, _port in lines] == [PUBLIC]


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "127.8.8.8", "::1", "10.0.0.1", "192.168.3.4", "172.20.0.1", "fd12::1"]
)
def test_private_networks_are_allowed_by_the_setting_with_tls(address, lines):
    HttpPost(inside=True, resolve=lambda *_: [address]).check("https://own.example/")


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "fe80::1", "fd00:ec2::254", "0.0.0.0", "100.100.100.200", "224.0.0.1"]
)
def test_nothing_allows_where_clouds_keep_credentials(address, lines):
    with pytest.raises(InputError, match=r"notice\.address"):
        HttpPost(inside=True, resolve=lambda *_: [address]).check("https://own.example/")


def test_without_tls_only_this_machine_and_only_by_the_setting(lines):
    HttpPost(inside=True, resolve=lambda *_: ["127.0.0.1"]).check("http://localhost:8080/")
    for inside, address in ((False, "127.0.0.1"), (True, "10.0.0.1"), (True, PUBLIC), (False, PUBLIC)):
        with pytest.raises(InputError, match=r"notice\.address"):
            HttpPost(inside=inside, resolve=lambda *_, address=address: [address]).check("http://own.example/")


@pytest.mark.parametrize("headers", [{"x": "a\r\nhost: inside"}, {"x\r\ny": "a"}])
def test_headers_cannot_be_smuggled(headers):
    """They are never anybody's choice; it would be an error and no request if they were."""
    with socket.create_server(("127.0.0.1", 0)) as line:
        port = line.getsockname()[1]
        post = HttpPost(inside=True)
        with pytest.raises(StateError, match=r"notice\.undelivered"):
            post.send(f"http://127.0.0.1:{port}/", headers, b"{}")


def test_a_name_that_turns_inside_after_it_was_given_is_not_posted_to(tmp_path, clock, people, photos, lines):
    """Given when it was public; by the time the notice is due it leads inside. It is told, and tried again later."""
    from twinbook.domain.paper import Paper
    from twinbook.services import revoke

    where = [PUBLIC]
    post = HttpPost(resolve=lambda *_: list(where))
    with testing.open_fake_office(tmp_path, clock, post=post) as office:
        people.sign_all(office, testing.campaign(photos))
        people.introduce(office, "tvaton", Role.BRAND)
        notify.set_address(office, "tvaton", "https://turning.example/")
        where[:] = ["169.254.169.254"]
        paper = Paper.of(revoke.revocation(office, "mira"))
        revoke.revoke(office, paper.document, people.key("mira").sign(paper.message))
        (tried,) = notify.deliver(office)
        assert tried.state is Delivery.WAITING
        assert "169.254.169.254" in tried.last_error
        with pytest.raises(TwinbookError):
            notify.set_address(office, "tvaton", "https://turning.example/")
    assert lines == []
