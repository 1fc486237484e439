"""Endpoints: what a user may type, and what is never shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.endpoint import Endpoint, Origin
from transport.errors import InvalidEndpoint, InvalidOption
from transport.options import TransportOptions
from transport.schemes import open_transport, schemes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://Example.ORG/x.git", Endpoint("https", "example.org", "/x.git")),
        ("HTTP://h:8080/a b", Endpoint("http", "h", "/a%20b", 8080)),
        ("https://h/t%C3%A9/ü", Endpoint("https", "h", "/t%C3%A9/%C3%BC")),
        ("https://bücher.example/x", Endpoint("https", "xn--bcher-kva.example", "/x")),
        ("https://m%65:p%40w@h/x", Endpoint("https", "h", "/x", None, "me", "p@w")),
        ("https://h/x?a=b", Endpoint("https", "h", "/x?a=b")),
        ("https://[::1]:8443/x", Endpoint("https", "::1", "/x", 8443)),
        ("ssh://git@h:22/x", Endpoint("ssh", "h", "/x", 22, "git")),
        ("git+ssh://h/x", Endpoint("ssh", "h", "/x")),
        ("git@h:team/x.git", Endpoint("ssh", "h", "team/x.git", user="git")),
        ("host:x.git", Endpoint("ssh", "host", "x.git")),
        ("Alias:x%20y", Endpoint("ssh", "Alias", "x%20y")),
        ("ssh://me@Alias/a%20b?c#d", Endpoint("ssh", "Alias", "/a b?c#d", user="me")),
        ("ssh://me@[::1]:22/~me/x", Endpoint("ssh", "::1", "/~me/x", 22, "me")),
        ("git://H/a%20b", Endpoint("git", "h", "/a b")),
        ("git://h/x", Endpoint("git", "h", "/x")),
        ("git://[fe80::1%25eth0]:1/x", Endpoint("git", "fe80::1%eth0", "/x", 1)),
        ("file://LOCALHOST/srv/x", Endpoint("file", "", "/srv/x")),
        ("FILE:///srv/%FF?a#b", Endpoint("file", "", "/srv/\udcff?a#b")),
        ("./[host:1]:x", Endpoint("file", "", "./[host:1]:x")),
        ("~/x.git", Endpoint("file", "", "~/x.git")),
        ("file:///srv/a%20b", Endpoint("file", "", "/srv/a b")),
        ("/srv/x.git", Endpoint("file", "", "/srv/x.git")),
        ("./a:b", Endpoint("file", "", "./a:b")),
        ("h:x", Endpoint("ssh", "h", "x")),
        ("c:/x", Endpoint("ssh", "c", "/x")),
        ("x.git", Endpoint("file", "", "x.git")),
        ("swift://h/x", Endpoint("swift", "h", "/x")),
    ],
)
def test_an_endpoint_is_parsed(text: str, expected: Endpoint) -> None:
    assert Endpoint.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "user", "password"),
    [
        ("https://:tok@h/x", "", "tok"),
        ("https://tok@h/x", "tok", None),
        ("https://me:@h/x", "me", ""),
        ("https://:@h/x", "", ""),
        ("https://@h/x", "", None),
        ("https://h/x", None, None),
        ("https://me:p:w@h/x", "me", "p:w"),
        ("https://me:p@w@h/x", "me", "p@w"),
        ("https://m%65:p%40%3a%2F@h/x", "me", "p@:/"),
        ("https://me:p%w+@h/x", "me", "p%w+"),
        ("https://me:p%FC@h/x", "me", "p\udcfc"),
    ],
)
def test_user_and_password_of_a_url_are_what_curl_reads(
    text: str, user: str | None, password: str | None
) -> None:
    endpoint = Endpoint.parse(text)
    assert (endpoint.host, endpoint.user, endpoint.password) == ("h", user, password)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[me@host:2222]:path", Endpoint("ssh", "host", "path", 2222, "me")),
        ("me@[host:2222]:path", Endpoint("ssh", "host", "path", 2222, "me")),
        ("[host:2222]:a:b", Endpoint("ssh", "host", "a:b", 2222)),
        ("[host]:path", Endpoint("ssh", "host", "path")),
        ("[me@::1]:path", Endpoint("ssh", "::1", "path", None, "me")),
        ("me@[::1]:/path", Endpoint("ssh", "::1", "/path", None, "me")),
        ("[::1]:2222:path", Endpoint("ssh", "::1", "2222:path")),
        ("me@[fe80::1%eth0]:x", Endpoint("ssh", "fe80::1%eth0", "x", None, "me")),
        ("me@you@host:x", Endpoint("ssh", "host", "x", None, "me@you")),
        ("ssh://[me@host:22]/x", Endpoint("ssh", "host", "/x", 22, "me")),
        ("ssh://[me@::1]:22/x", Endpoint("ssh", "::1", "/x", 22, "me")),
        ("ssh://me@[fe80::1%25eth0]/x", Endpoint("ssh", "fe80::1%eth0", "/x", None, "me")),
        ("ssh://::1/x", Endpoint("ssh", "::1", "/x")),
        ("ssh://h%6fst:/x", Endpoint("ssh", "host", "/x")),
        ("ssh://a%40b@host//x/../y/", Endpoint("ssh", "host", "//x/../y/", None, "a@b")),
        ("SSH://host/~/x", Endpoint("ssh", "host", "/~/x")),
    ],
)
def test_user_host_and_port_of_ssh_are_what_git_reads(text: str, expected: Endpoint) -> None:
    assert Endpoint.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("https://h/a/../b.git", "/b.git"),
        ("https://h/a/./b", "/a/b"),
        ("https://h/../b", "/b"),
        ("https://h/a/..", "/"),
        ("https://h/a//b/", "/a//b/"),
        ("https://h/a/%2e%2e/b", "/a/%2e%2e/b"),
        ("https://h/x?a=../b", "/x?a=../b"),
        ("https://h/x?", "/x?"),
        ("https://h?a", "/?a"),
        ("https://h", ""),
        ("https://h/a%2fb;p=1#part", "/a%2fb;p=1"),
        ("https://h/a%FFb", "/a%FFb"),
        ("https://h/a\udcffb", "/a%FFb"),
    ],
)
def test_the_path_of_a_url_is_what_curl_asks_for(text: str, path: str) -> None:
    assert Endpoint.parse(text).path == path


@pytest.mark.parametrize(
    "text",
    ["http://[FE80::1%25eth0]:8080/x", "http://[fe80::1%eth0]:8080/x", "http://[fe80::1%eth%30]:8080/x"],
)
def test_a_zone_id_selects_the_interface_and_is_not_in_the_host_header(text: str) -> None:
    endpoint = Endpoint.parse(text)
    assert endpoint.host == "fe80::1%eth0"
    assert endpoint.authority == "[fe80::1]:8080"
    assert str(endpoint) == "http://[fe80::1%25eth0]:8080/x"


def test_a_double_colon_names_a_helper_and_its_address() -> None:
    endpoint = Endpoint.parse("persistent::https://me@h:8080/x")
    assert (endpoint.scheme, endpoint.typed) == ("persistent", "https://me@h:8080/x")
    assert (endpoint.user, endpoint.password) == ("me", None)


@pytest.mark.parametrize("text", ["other::https://me:hush@h/x", "other::me:hush@h/x"])
def test_a_helpers_address_is_shown_without_its_secrets(text: str) -> None:
    assert "hush" not in str(Endpoint.parse(text))


def test_a_password_that_needs_coding_is_pointed_out_and_not_shown() -> None:
    with pytest.raises(InvalidEndpoint) as caught:
        Endpoint.parse("https://me:hu/sh@h/x")
    assert "%2F" in (caught.value.hint or "")
    assert "hu" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://",
        "https:///x",
        "https://h:99999/x",
        "https://h:port/x",
        "https://[::1/x",
        "https://h/x\nHost: other",
        "https://h/%0d%0aHost:%20other",
        "https://h%0aother/x",
        "https://u%0a:p@h/x",
        "https://u:p%00@h/x",
        "https://h h/x",
        "ssh://-oProxyCommand=x/x",
        "-oProxyCommand=x:y",
        "host:-x",
        "ssh://h",
        "git://h/",
        "ssh://$(x)/y",
        "`x`@h:y",
        "a b@h:y",
        "file://other/x",
        "file://localhost",
        "[-oProxyCommand=x]:y",
        "[-me@host]:x",
        "me@-host:x",
        "ssh://me@[-host]/x",
        "other::-x",
        "ssh::host/x",
        "host:",
        ":x",
        "me@:x",
        "[host:2222]",
        "[host:abc]:x",
        "ssh://host:99999/x",
        "http://[fe80::1%25]/x",
        "http://[fe80::1%25a b]/x",
        "http://[host]/x",
        "https://host/\ud800",
        "https://\udbff:x@host/x",
        "/srv/\udfff",
    ],
)
def test_what_could_be_misread_is_refused(text: str) -> None:
    with pytest.raises(InvalidEndpoint):
        Endpoint.parse(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://hush:hush@h:443/x.git", "https://h/x.git"),
        ("https://hush@h:444/x.git?hush=hush", "https://h:444/x.git?..."),
        ("ssh://git:hush@h/x", "ssh://git@h/x"),
        ("other://hush:hush@h/x?hush", "other://h/x?..."),
        ("git@h:x", "ssh://git@h/x"),
        ("/srv/x", "/srv/x"),
    ],
)
def test_secrets_are_not_shown(text: str, shown: str) -> None:
    endpoint = Endpoint.parse(text)
    assert str(endpoint) == shown
    assert repr(endpoint) == f"Endpoint({shown!r})"


@given(st.text(max_size=60))
def test_any_text_parses_or_is_an_invalid_endpoint(text: str) -> None:
    for candidate in (text, f"https://{text}", f"ssh://{text}/x", f"file://{text}"):
        try:
            endpoint = Endpoint.parse(candidate)
        except InvalidEndpoint:
            continue
        assert str(Endpoint.parse(str(endpoint))) == str(endpoint)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("a.localhost", True),
        ("10.0.0.1", False),
        ("h", False),
    ],
)
def test_loopback_is_known_by_name_and_address(host: str, loopback: bool) -> None:
    assert Origin("http", host, 80).is_loopback is loopback


def test_a_scheme_that_nothing_speaks_is_named_with_those_that_are() -> None:
    with pytest.raises(InvalidEndpoint, match="gopher") as caught:
        open_transport("gopher://h/x")
    assert "https" in (caught.value.hint or "")
    assert {"http", "https"} <= set(schemes())


@pytest.mark.parametrize(
    "options",
    [
        {"token": "a\nb"},
        {"username": "a\rb"},
        {"username": "a:b"},
        {"bearer_token": "a\0b"},
        {"bearer_token": "ü"},
        {"headers": (("X Y", "z"),)},
        {"headers": (("X", "a\r\nY: b"),)},
        {"headers": (("X", "a\0"),)},
        {"headers": (("X", "€"),)},
        {"headers": (("Content-Length", "1"),)},
        {"headers": (("transfer-encoding", "chunked"),)},
        {"idle_timeout": 0},
        {"connect_timeout": -1},
        {"retries": -1},
    ],
)
def test_options_that_could_break_a_request_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(InvalidOption):
        TransportOptions(**options)  # type: ignore[arg-type]


def test_options_do_not_show_their_secrets() -> None:
    options = TransportOptions(
        token="hush",
        bearer_token="hush",
        username="hush",
        headers=(("X", "hush"),),
        environment={"A": "hush"},
    )
    assert "hush" not in repr(options)


@pytest.mark.parametrize("url", ["https://example.com/x.git", "git@example.com:x.git", "./x.git"])
def test_the_prefix_by_which_git_calls_us_is_left_out(url: str) -> None:
    assert Endpoint.parse(f"packcore::{url}") == Endpoint.parse(url)
