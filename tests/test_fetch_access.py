"""The user's way out: proxies, netrc, certificates; and urls shown without their secrets."""

from __future__ import annotations

import ssl
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import quote

import certifi
import pytest

from pyv.errors import NetworkError
from pyv.fetch import Fetcher, redact
from pyv.fetch.access import proxy_for
from pyv.fetch.addresses import parse
from pyv.fetch.failures import Failure
from pyv.fetch.trust import make_context
from tests.support.certificates import Certificates, make_certificates
from tests.support.downloads import TRICKLING
from tests.support.proxy import Proxy
from tests.support.server import Fault, Server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("either_way")
PATH = "/SHA256SUMS"
BODY = b"0123 one.tar.gz\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "served"
    made.mkdir()
    (made / PATH[1:]).write_bytes(BODY)
    return made


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    with Server(folder) as running:
        yield running


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"), "mirror.test")


@pytest.fixture
def secure(folder: Path, certificates: Certificates) -> Iterator[Server]:
    with Server(folder, tls=certificates) as running:
        yield running


def fetch(env: Mapping[str, str], url: str, notes: list[str] | None = None) -> bytes | None:
    told: list[str] = [] if notes is None else notes
    with Fetcher(env, limits=TRICKLING, sleep=lambda _: None, notify=told.append) as fetcher:
        return fetcher.get(url).body


# Proxies


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_http_goes_through_the_proxy_that_a_variable_names(server: Server, name: str) -> None:
    with Proxy(to=server) as proxy:
        assert fetch({name: proxy.url()}, f"http://mirror.test{PATH}") == BODY
        assert proxy.paths == [f"http://mirror.test{PATH}"]
        assert server.requests[0].headers["host"] == "mirror.test"


def test_a_proxy_may_be_named_without_a_scheme(server: Server) -> None:
    with Proxy(to=server) as proxy:
        assert fetch({"http_proxy": f"127.0.0.1:{proxy.port}"}, f"http://mirror.test{PATH}") == BODY


@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
def test_https_goes_through_a_tunnel_of_the_proxy(secure: Server, certificates: Certificates, name: str) -> None:
    with Proxy(to=secure) as proxy:
        env = {name: proxy.url(), "SSL_CERT_FILE": str(certificates.authority)}
        assert fetch(env, f"https://mirror.test{PATH}") == BODY
        assert proxy.paths == ["mirror.test:443"]


def test_an_answer_that_trickles_through_a_tunnel_is_given_up(secure: Server, certificates: Certificates) -> None:
    secure.always(PATH, Fault(trickle=(b"HTTP/1.1 200 OK\r\nX-A: ", b"a")))
    with Proxy(to=secure) as proxy:
        env = {"https_proxy": proxy.url(), "SSL_CERT_FILE": str(certificates.authority)}
        with pytest.raises(NetworkError, match=f"data comes too slowly through the proxy {proxy.url()}"):
            fetch(env, f"https://mirror.test{PATH}")


def test_a_proxy_that_answers_and_never_ends_is_given_up(server: Server) -> None:
    with Proxy(to=server, trickle=b"X-A: a\r\n") as proxy:
        with pytest.raises(NetworkError, match=f"data comes too slowly through the proxy {proxy.url()}"):
            fetch({"https_proxy": proxy.url()}, f"https://mirror.test{PATH}")
        assert len(proxy.requests) == 2


@pytest.mark.parametrize("login", ["user:secret", "us er:p@ss:w/rd%"])
def test_a_proxy_gets_its_password(server: Server, secure: Server, certificates: Certificates, login: str) -> None:
    user, _, password = login.partition(":")
    written = f"{quote(user, safe='')}:{quote(password, safe='')}"
    for target in (server, secure):
        with Proxy(to=target, login=login) as proxy:
            env = {"all_proxy": proxy.url(written), "SSL_CERT_FILE": str(certificates.authority)}
            url = target.url(PATH, host="mirror.test").replace(f":{target.port}", "")
            assert fetch(env, url) == BODY
        assert "proxy-authorization" not in target.requests[0].headers


def test_a_password_of_a_proxy_may_hold_an_at_sign_as_it_is(server: Server) -> None:
    with Proxy(to=server, login="user:p@ss") as proxy:
        assert fetch({"http_proxy": proxy.url("user:p@ss")}, f"http://mirror.test{PATH}") == BODY


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("login", ["", "user:hunter2"])
def test_a_proxy_that_refuses_is_named_without_its_password(server: Server, scheme: str, login: str) -> None:
    with Proxy(to=server, login="user:secret") as proxy:
        with pytest.raises(NetworkError) as caught:
            fetch({f"{scheme}_proxy": proxy.url(login)}, f"{scheme}://mirror.test{PATH}")
        assert proxy.url() in caught.value.message
        assert "407" in caught.value.message
        assert "hunter2" not in str(caught.value)
        assert "PROXY" in caught.value.hint
        assert len(proxy.requests) == 1


@pytest.mark.parametrize(("status", "tries"), [(403, 1), (503, 4)])
def test_a_proxy_that_cannot_reach_the_server_is_blamed(server: Server, status: int, tries: int) -> None:
    with Proxy(to=server, status=status) as proxy:
        with pytest.raises(NetworkError, match=str(status)) as caught:
            fetch({"https_proxy": proxy.url()}, f"https://mirror.test{PATH}")
        assert proxy.url() in caught.value.message
        assert len(proxy.requests) == tries


def test_a_proxy_that_is_not_there_is_blamed(server: Server) -> None:
    with Proxy(to=server) as proxy:
        url = proxy.url()
    with pytest.raises(NetworkError) as caught:
        fetch({"http_proxy": url.replace("//", "//user:hunter2@")}, server.url(PATH))
    assert f"through the proxy {url}" in caught.value.message
    assert "hunter2" not in str(caught.value)
    assert server.requests == []


@pytest.mark.parametrize("proxy", ["socks5://user:hunter2@host:1080", "http://host:port", "http://"])
def test_a_proxy_of_another_kind_is_refused_by_name(server: Server, proxy: str) -> None:
    with pytest.raises(NetworkError, match="all_proxy names no http proxy") as caught:
        fetch({"all_proxy": proxy}, server.url(PATH))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "env", "proxy"),
    [
        ("http://a.test/", {}, None),
        ("http://a.test/", {"http_proxy": "p:1"}, "http://p:1"),
        ("http://a.test/", {"https_proxy": "p:1"}, None),
        ("http://a.test/", {"http_proxy": "", "HTTP_PROXY": "p:1"}, None),
        ("http://a.test/", {"http_proxy": "p:1", "HTTP_PROXY": "q:1", "all_proxy": "r:1"}, "http://p:1"),
        ("http://a.test/", {"HTTP_PROXY": "p:1", "REQUEST_METHOD": "GET"}, None),
        ("http://a.test/", {"http_proxy": "[::1]:3128"}, "http://[::1]:3128"),
        ("http://a.test/", {"http_proxy": "p"}, "http://p:80"),
        ("https://a.test/", {"https_proxy": "https://p"}, "https://p:443"),
    ],
)
def test_which_variable_names_the_proxy(url: str, env: dict[str, str], proxy: str | None) -> None:
    found = proxy_for(parse(url), env)
    assert (found.url if found else None) == proxy


@pytest.mark.parametrize(
    ("host", "rules", "spared"),
    [
        ("a.test", "*", True),
        ("a.test", "", False),
        ("a.test", "a.test", True),
        ("A.test", "a.TEST", True),
        ("x.a.test", "a.test", True),
        ("x.a.test", ".a.test", True),
        ("a.test", ".a.test", True),
        ("x.a.test", "*.a.test", True),
        ("ba.test", "a.test", False),
        ("a.test", "x.a.test", False),
        ("a.test", "b.test, a.test", True),
        ("a.test", "b.test a.test", True),
        ("a.test:8080", "a.test:8080", True),
        ("a.test:8080", "a.test", True),
        ("a.test", "a.test:80", True),
        ("a.test", "a.test:8080", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("a.test", "10.0.0.0/8", False),
        ("10.1.2.3", "10.0.0.0/nonsense", False),
        ("[::1]", "::1", True),
        ("[::1]:8080", "[::1]:8080", True),
        ("[fe80::1]", "fe80::/10", True),
    ],
)
@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
def test_which_hosts_are_spared_the_proxy(host: str, rules: str, name: str, spared: bool) -> None:  # noqa: FBT001 - a column of the table
    assert (proxy_for(parse(f"http://{host}/"), {"http_proxy": "p:1", name: rules}) is None) is spared


def test_a_proxy_variable_that_is_nonsense_does_not_matter_to_a_spared_host() -> None:
    env = {"http_proxy": "socks5://p", "no_proxy": "a.test"}
    assert proxy_for(parse("http://a.test/"), env) is None
    with pytest.raises(Failure):
        proxy_for(parse("http://b.test/"), env)


# netrc


@pytest.mark.parametrize("variable", ["NETRC", "HOME"])
def test_a_mirror_gets_the_password_from_netrc(server: Server, tmp_path: Path, variable: str) -> None:
    server.login = "user:secret"
    (tmp_path / ".netrc").write_text("machine 127.0.0.1\n  login user\n  password secret\n")
    env = {"NETRC": str(tmp_path / ".netrc")} if variable == "NETRC" else {"HOME": str(tmp_path)}
    assert fetch(env, server.url(PATH)) == BODY


def test_a_password_in_the_url_beats_netrc(server: Server, tmp_path: Path) -> None:
    server.login = "user:secret"
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login other password wrong\n")
    assert fetch({"HOME": str(tmp_path)}, server.url(PATH, login="user:secret")) == BODY


def test_netrc_passwords_go_to_their_host_alone(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text(
        "machine ONE.test login user password secret\n"
        "machine two.test login user password secret\n"
        "default login anybody password guest\n"
    )
    server.always("/there", Fault(redirect=f"http://two.test{PATH}"))
    with Proxy(to=server) as proxy:
        env = {"HOME": str(tmp_path), "http_proxy": proxy.url()}
        fetch(env, "http://one.test/there")
        fetch(env, f"http://three.test{PATH}")
    sent = [(request.headers["host"], "authorization" in request.headers) for request in server.requests]
    assert sent == [("one.test", True), ("two.test", False), ("three.test", False)]


@pytest.mark.parametrize(
    "text", [b"machine 127.0.0.1 login user hunter2\n", b"\xff\xfe machine"], ids=["malformed", "no text"]
)
def test_a_broken_netrc_is_told_once_and_ignored(server: Server, tmp_path: Path, text: bytes) -> None:
    (tmp_path / ".netrc").write_bytes(text)
    notes: list[str] = []
    with Fetcher({"HOME": str(tmp_path)}, notify=notes.append) as fetcher:
        assert fetcher.get(server.url(PATH)).body == BODY
        assert fetcher.get(server.url(PATH)).body == BODY
    assert len(notes) == 1
    assert str(tmp_path / ".netrc") in notes[0]
    assert "hunter2" not in notes[0]


def test_no_netrc_is_nothing_to_talk_about(server: Server, tmp_path: Path) -> None:
    notes: list[str] = []
    for env in ({"HOME": str(tmp_path)}, {"NETRC": str(tmp_path / "absent")}, {"NETRC": str(tmp_path)}, {}):
        assert fetch(env, server.url(PATH), notes) == BODY
    assert notes == []


# Certificates


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_company_authority_is_trusted_when_a_variable_names_its_file(
    secure: Server, certificates: Certificates, name: str
) -> None:
    assert fetch({name: str(certificates.authority)}, secure.url(PATH)) == BODY


def test_a_folder_of_authorities_is_trusted(secure: Server, certificates: Certificates, tmp_path: Path) -> None:
    command = ["openssl", "x509", "-hash", "-noout", "-in", str(certificates.authority)]
    name = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    (tmp_path / "authorities").mkdir()
    (tmp_path / "authorities" / f"{name}.0").write_bytes(certificates.authority.read_bytes())
    for env in (
        {"SSL_CERT_DIR": f"/nonexistent:{tmp_path / 'authorities'}"},
        {"REQUESTS_CA_BUNDLE": str(tmp_path / "authorities")},
    ):
        assert fetch(env, secure.url(PATH)) == BODY


def test_an_authority_of_the_system_does_not_count_when_the_user_names_one(
    secure: Server, certificates: Certificates
) -> None:
    assert fetch({"SSL_CERT_FILE": str(certificates.authority)}, secure.url(PATH)) == BODY
    with pytest.raises(NetworkError, match="certificate"):
        fetch({"SSL_CERT_FILE": certifi.where()}, secure.url(PATH))


def test_a_certificate_that_nobody_vouches_for_is_refused_at_once(secure: Server) -> None:
    with pytest.raises(NetworkError, match="TLS certificate is refused") as caught:
        fetch({}, secure.url(PATH))
    assert "SSL_CERT_FILE" in caught.value.hint
    assert secure.url(PATH) in caught.value.message
    assert secure.connections == 1
    assert secure.requests == []


def test_the_hint_is_for_the_particular_failure_and_not_for_the_common_one(secure: Server, tmp_path: Path) -> None:
    with Server(tmp_path) as gone:
        urls = [gone.url(PATH), secure.url(PATH)]
    with Fetcher({}, sleep=lambda _: None) as fetcher, pytest.raises(NetworkError) as caught:
        fetcher.download(urls, tmp_path / "part", sha256="", consumer=None, progress=lambda *_: None)
    assert "SSL_CERT_FILE" in caught.value.hint


def test_a_certificate_of_another_host_is_refused(secure: Server, certificates: Certificates) -> None:
    with Proxy(to=secure) as proxy:
        env = {"https_proxy": proxy.url(), "SSL_CERT_FILE": str(certificates.authority)}
        with pytest.raises(NetworkError, match="TLS certificate is refused"):
            fetch(env, f"https://other.test{PATH}")
    assert secure.requests == []


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_DIR"])
def test_a_variable_that_names_nothing_is_an_error_that_names_it(secure: Server, tmp_path: Path, name: str) -> None:
    with pytest.raises(NetworkError, match=name) as caught:
        fetch({name: str(tmp_path / "absent")}, secure.url(PATH))
    assert str(tmp_path / "absent") in caught.value.message
    assert name in caught.value.hint


def test_a_file_without_certificates_is_an_error_that_names_it(secure: Server, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(NetworkError, match=r"SSL_CERT_FILE names .*ca\.pem, which holds no certificates"):
        fetch({"SSL_CERT_FILE": str(tmp_path / "ca.pem")}, secure.url(PATH))


def test_a_server_that_speaks_no_tls_is_an_error(server: Server) -> None:
    with pytest.raises(NetworkError, match="TLS failed"):
        fetch({}, server.url(PATH).replace("http:", "https:"))


def test_a_redirect_from_https_to_http_is_refused(secure: Server, server: Server, certificates: Certificates) -> None:
    secure.always("/there", Fault(redirect=server.url(PATH)))
    with pytest.raises(NetworkError, match="from https to http") as caught:
        fetch({"SSL_CERT_FILE": str(certificates.authority)}, secure.url("/there"))
    assert server.url(PATH) in caught.value.message
    assert server.requests == []


def test_a_redirect_from_http_to_https_is_followed(secure: Server, server: Server, certificates: Certificates) -> None:
    server.always("/there", Fault(redirect=secure.url(PATH)))
    assert fetch({"SSL_CERT_FILE": str(certificates.authority)}, server.url("/there")) == BODY


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has its keychain instead")
def test_the_first_bundle_that_the_system_has_is_trusted(certificates: Certificates, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    bundles = [str(tmp_path / "absent.pem"), str(tmp_path / "empty.pem"), str(certificates.authority)]
    subjects = [str(entry["subject"]) for entry in make_context({}, bundles).get_ca_certs()]
    assert len(subjects) == 1
    assert "Test Authority" in subjects[0]


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has its keychain instead")
def test_where_the_system_has_no_certificates_those_of_certifi_are_trusted() -> None:
    assert make_context({}, []).cert_store_stats()["x509_ca"] > 50


@pytest.mark.skipif(sys.platform != "darwin", reason="the keychain is macOS's")
def test_the_keychain_is_asked_on_macos() -> None:
    assert type(make_context({})) is not ssl.SSLContext


# Urls as they are shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host/a/b.tar.gz", "https://host/a/b.tar.gz"),
        ("https://user:secret@host:8443/a", "https://host:8443/a"),
        ("https://secret@host/a", "https://host/a"),
        ("https://user:se@cret@host/a", "https://host/a"),
        ("https://user:se/cret@host/a", "https://host/a"),
        ("https://user:se?cr#et@host/a", "https://host/a"),
        ("https://host/a?token=secret#secret", "https://host/a"),
        ("https://host#secret", "https://host"),
        ("https://host/@scope/a", "https://host/@scope/a"),
        ("https://host:80/@scope/a", "https://host:80/@scope/a"),
        ("https://[::1]:80/@scope/a", "https://[::1]:80/@scope/a"),
        ("socks5://user:secret@host:1080", "socks5://host:1080"),
        ("file:///srv/a?b#c@d", "file:///srv/a?b#c@d"),
        ("/srv/mirror@home/a", "/srv/mirror@home/a"),
        ("https://host/\x1b[31m\n", "https://host/\ufffd[31m\ufffd"),
        ("", ""),
        ("://", "://"),
        ("http://[", "http://["),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert redact(url) == shown
