"""Logging in: the signature is the venue's formula, and with it the secret stays here."""

import hashlib
import hmac

from deribit_support.payloads import CLIENT_SECRET
from liveexec.domain.secret import Secret
from liveexec_deribit.authentication import credentials, signature_of

SECRET = Secret(CLIENT_SECRET)


def test_the_signature_is_an_hmac_of_time_nonce_and_data() -> None:
    expected = hmac.new(CLIENT_SECRET.encode(), b"1767978363493\nabc\n", hashlib.sha256).hexdigest()
    assert signature_of(SECRET, 1767978363493, "abc") == expected
    assert signature_of(SECRET, 1767978363493, "abd") != expected


def test_a_signed_login_does_not_hold_the_secret() -> None:
    asked = credentials("client_signature", "me", SECRET, 5, "n")
    assert asked["grant_type"] == "client_signature"
    assert CLIENT_SECRET not in str(dict(asked))
    assert credentials("client_credentials", "me", SECRET, 5, "n")["client_secret"] == SECRET.reveal()
