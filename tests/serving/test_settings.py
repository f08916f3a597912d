"""What an operator may set, and what is refused."""

import pytest

from claimstance.errors import InvalidInput
from serving import settings
from serving.admission import Admission


@pytest.mark.parametrize("share", ["", "half", "-0.1", "1.1", "nan", "inf"])
def test_a_share_that_is_none_is_refused_and_named(
    share: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAIMSTANCE_SHADOW_SHARE", share)
    with pytest.raises(InvalidInput) as refused:
        settings.shadow()
    assert refused.value.where == "CLAIMSTANCE_SHADOW_SHARE"


def test_there_is_a_shadow_only_where_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.shadow().version is None
    monkeypatch.setenv("CLAIMSTANCE_SHADOW", "newsroom-1")
    monkeypatch.setenv("CLAIMSTANCE_SHADOW_SHARE", "0.25")
    shadow = settings.shadow()
    assert (shadow.version, shadow.share) == ("newsroom-1", 0.25)


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", ""])
def test_a_limit_that_is_none_is_refused_and_named(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAIMSTANCE_MAX_SENTENCES", value)
    with pytest.raises(InvalidInput) as refused:
        settings.limits()
    assert refused.value.where == "CLAIMSTANCE_MAX_SENTENCES"


@pytest.mark.parametrize("most", ["MAX_SENTENCES", "MAX_DOCUMENT_SENTENCES"])
def test_what_one_request_may_have_may_also_wait(
    most: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"CLAIMSTANCE_{most}", "20001")
    with pytest.raises(InvalidInput, match="20001 or more") as refused:
        settings.limits()
    assert refused.value.where == "CLAIMSTANCE_MAX_WAITING"
    monkeypatch.setenv("CLAIMSTANCE_MAX_WAITING", "20001")
    assert settings.limits().max_waiting == 20001


def test_hosts_and_workers_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.hosts() == frozenset()
    assert settings.workers() == 1
    monkeypatch.setenv(settings.HOSTS, " Stance.Example.org,,192.0.2.7,[2001:db8::1]")
    monkeypatch.setenv(settings.WORKERS, "4")
    assert settings.hosts() == {"stance.example.org", "192.0.2.7", "[2001:db8::1]"}
    assert settings.workers() == 4


@pytest.mark.parametrize("hosts", ["a:80", "https://a", "a b", "*", "a,/"])
def test_what_is_no_host_name_is_refused(hosts: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.HOSTS, hosts)
    with pytest.raises(InvalidInput) as refused:
        settings.hosts()
    assert refused.value.where == settings.HOSTS


def test_other_machines_are_let_in_only_by_a_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not settings.insecure()
    monkeypatch.setenv(settings.INSECURE, "yes")
    assert settings.insecure()


@pytest.mark.parametrize("value", ["0", "no", "false", "", "1", "Yes"])
def test_anything_but_a_yes_is_refused_and_named(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(settings.INSECURE, value)
    with pytest.raises(InvalidInput) as refused:
        Admission(rate=None)
    assert refused.value.where == settings.INSECURE
