"""Every error has its HTTP status, and limits come from the environment."""

import pytest

from claimstance import errors as core
from claimstance.errors import ClaimstanceError, InvalidInput
from serving import errors, settings


def test_every_error_of_the_core_has_a_status_and_a_code_of_its_own() -> None:
    tree = ClaimstanceError.__subclasses__()
    assert set(errors.STATUS) == set(tree)
    assert len({error.code for error in tree}) == len(tree)
    assert all(vars(core)[error.__name__] is error for error in tree)


def test_overload_says_when_to_come_back() -> None:
    response = errors.response(core.Overloaded("full"))
    assert response.status_code == 429
    assert response.headers["retry-after"] == "1"


def test_limits_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAIMSTANCE_MAX_SENTENCES", "7")
    assert settings.limits().max_sentences == 7


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", ""])
def test_a_limit_that_is_no_number_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("CLAIMSTANCE_MAX_BODY_BYTES", value)
    with pytest.raises(InvalidInput, match="CLAIMSTANCE_MAX_BODY_BYTES"):
        settings.limits()
