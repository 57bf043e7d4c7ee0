from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from prefloop.errors import ConfigError
from prefloop.judges.endpoint import Endpoint
from prefloop.judges.wire import pause_s
from prefloop.labels.comparison import Comparison
from tests.judges.server import honest, serving
from tests.judges.test_endpoint import config

PAIR = [Comparison("p", "left 1", "right 2")]


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("JUDGE_KEY", "sk-12345678")


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"retry-after": "7"}, 7, 7),
        ({"retry-after-ms": "30"}, 0.03, 0.03),
        ({"retry-after-ms": "x", "retry-after": "7"}, 7, 7),
        ({"retry-after": "999999"}, 120, 120),
        ({"retry-after": "inf"}, 120, 120),
    ],
)
def test_a_service_may_ask_for_a_pause(headers, low, high):
    assert low <= pause_s(headers, 3) <= high


@pytest.mark.parametrize(("seconds", "low", "high"), [(100, 50, 100), (10**7, 120, 120)])
def test_a_pause_may_end_at_a_date(seconds, low, high):
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds))
    assert low <= pause_s({"retry-after": until}, 3) <= high


@pytest.mark.parametrize(
    "value",
    ["", "nan", "-1", "-inf", "0", "soon", "1, 2", "9" * 9000 + "x", "Mon, 01 Jan 0001 00:00:00 GMT",
     "Fri, 99 Foo 99999 99:99:99 GMT", "Fri, 31 Dec 9999 23:59:59 -2400", "\u00b2"],
)  # fmt: skip
def test_what_is_no_pause_changes_none(value):
    for attempt in range(20):
        backoff = min(0.5 * 2**attempt, 8)
        pause = pause_s({"retry-after": value, "retry-after-ms": value}, attempt)
        assert 0.75 * backoff <= pause <= backoff or (pause == 120 and "9999" in value)


def test_a_proxy_of_the_environment_is_asked(monkeypatch):
    with serving(honest) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/v1"))
        assert Endpoint(config("http://judge.invalid/v1")).ask(PAIR)[0].verdict is not None
        assert {asked.path for asked in proxy.asked} == {"http://judge.invalid/v1/chat/completions"}
        with serving(honest) as served:
            monkeypatch.setenv("no_proxy", "127.0.0.1")
            assert Endpoint(config(served.url)).ask(PAIR)[0].verdict is not None
        assert len(proxy.asked) == len(served.asked) == 2


@pytest.mark.parametrize(
    "proxy", ["ftp://me:pass-word@x", "socks9://me:pass-word@x", "http://me:pass-word@x:port"]
)
def test_a_proxy_that_cannot_be_used_is_said_without_its_password(monkeypatch, proxy):
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(ConfigError, match=r"proxy for http://judge\.invalid/v1.*expected an address") as caught:
        Endpoint(config("http://judge.invalid/v1")).ask(PAIR)
    assert "pass-word" not in str(caught.value)
    assert caught.value.__context__ is caught.value.__cause__ is None


@pytest.mark.parametrize("host", ["a..b", "x" * 70 + ".example"])
def test_a_host_that_cannot_be_is_no_answer(host):
    answer = Endpoint(config(f"http://{host}/v1", retries=0)).ask(PAIR)[0]
    assert (answer.verdict, answer.calls) == (None, 1)
    assert answer.reason.startswith("no connection (")


def test_an_address_that_cannot_be_is_named():
    with pytest.raises(ConfigError, match=r"url http://xn--a.* is no address of a service"):
        Endpoint(config("http://xn--a\u0301.example/v1")).ask(PAIR)
