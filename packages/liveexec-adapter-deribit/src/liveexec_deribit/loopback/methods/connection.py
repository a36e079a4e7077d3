"""Methods about the connection: who it is, whether it lives, and what it listens to."""

import re
from typing import Final

from liveexec_deribit.loopback.errors import VenueError, invalid_params
from liveexec_deribit.loopback.methods.registry import Context, rpc

_VERSION: Final = {"version": "1.2.26"}
_NONCE: Final = re.compile(r"[A-Za-z0-9_-]{0,256}")
_SCOPES: Final = ("connection", "account")


@rpc("public/auth")
def _auth(call: Context) -> object:
    params, session = call.params, call.session
    authority = call.venue.authority
    kind = params.text("grant_type", one_of=("client_credentials", "client_signature", "refresh_token"))
    session_id = session.session_id if session.carrier == "websocket" else None
    if kind == "refresh_token":
        grant = authority.refresh(params.text("refresh_token"), session_id)
    else:
        client_id = params.text("client_id")
        if kind == "client_credentials":
            account = authority.by_secret(client_id, params.text("client_secret"))
        else:
            timestamp, nonce = params.integer("timestamp"), params.text("nonce", "")
            if not _NONCE.fullmatch(nonce):
                raise invalid_params("nonce", "invalid format")
            signed = f"{timestamp}\n{nonce}\n{params.text('data', '')}"
            account = authority.by_signature(client_id, timestamp, params.text("signature"), signed)
        grant = authority.grant(account, params.text("scope", ""), session_id)
    if session.carrier == "websocket":
        session.grant = grant
        session.cancels_on_disconnect |= call.exchange.account(grant.account.user_id).cancels_on_disconnect
    answer = {
        "access_token": grant.access_token,
        "refresh_token": grant.refresh_token,
        "expires_in": grant.lifetime_s,
        "scope": grant.scope,
        "token_type": "bearer",
        "enabled_features": [],
        "mandatory_tfa_status": "disabled",
    }
    if "state" in params:
        answer["state"] = params.text("state")
    return answer


@rpc("private/logout", scope="account:read", websocket_only=True)
def _logout(call: Context) -> object:
    assert call.grant is not None
    if call.params.boolean("invalidate_token", default=True):
        call.venue.authority.revoke(call.grant)
    call.session.logged_out = True
    call.session.close(abruptly=False)
    return "ok"


@rpc("public/hello", websocket_only=True)
def _hello(call: Context) -> object:
    call.params.text("client_name")
    call.params.text("client_version")
    return _VERSION


@rpc("public/test")
def _test(call: Context) -> object:
    if call.params.optional_text("expected_result") == "exception":
        raise VenueError("error")
    call.session.heard_since_test = True
    return _VERSION


@rpc("public/get_time")
def _get_time(call: Context) -> object:
    return call.now_ms


@rpc("public/status")
def _status(call: Context) -> object:
    locked = sorted(call.exchange.locked)
    if not locked:
        return {"locked": "false", "locked_indices": []}
    return {"locked": "true" if len(locked) == len(call.exchange.indexes) else "partial", "locked_indices": locked}


@rpc("public/set_heartbeat", websocket_only=True)
def _set_heartbeat(call: Context) -> object:
    interval = call.params.decimal("interval")
    if interval < call.venue.config.least_heartbeat_s:
        raise invalid_params("interval", f"must be at least {call.venue.config.least_heartbeat_s}")
    call.session.heartbeat_s = float(interval)
    call.session.heard_since_test = True
    return "ok"


@rpc("public/disable_heartbeat", websocket_only=True)
def _disable_heartbeat(call: Context) -> object:
    call.session.heartbeat_s = None
    return "ok"


@rpc("public/subscribe", websocket_only=True)
def _subscribe_public(call: Context) -> object:
    return call.venue.hub.subscribe(call.exchange, call.session, call.params.texts("channels"), private=False)


@rpc("public/unsubscribe", websocket_only=True)
def _unsubscribe_public(call: Context) -> object:
    return call.venue.hub.unsubscribe(call.session, call.params.texts("channels"))


@rpc("public/unsubscribe_all", websocket_only=True)
def _unsubscribe_all_public(call: Context) -> object:
    call.venue.hub.unsubscribe_all(call.session, private=False)
    return "ok"


@rpc("private/subscribe", scope="account:read", websocket_only=True)
def _subscribe_private(call: Context) -> object:
    return call.venue.hub.subscribe(call.exchange, call.session, call.params.texts("channels"), private=True)


@rpc("private/unsubscribe", scope="account:read", websocket_only=True)
def _unsubscribe_private(call: Context) -> object:
    return call.venue.hub.unsubscribe(call.session, call.params.texts("channels"))


@rpc("private/unsubscribe_all", scope="account:read", websocket_only=True)
def _unsubscribe_all_private(call: Context) -> object:
    call.venue.hub.unsubscribe_all(call.session)
    return "ok"


@rpc("private/enable_cancel_on_disconnect", scope="account:read_write")
def _enable(call: Context) -> object:
    return _cancel_on_disconnect(call, enabled=True)


@rpc("private/disable_cancel_on_disconnect", scope="account:read_write")
def _disable(call: Context) -> object:
    return _cancel_on_disconnect(call, enabled=False)


@rpc("private/get_cancel_on_disconnect", scope="account:read")
def _get(call: Context) -> object:
    scope = _scope(call)
    enabled = call.account.cancels_on_disconnect if scope == "account" else call.session.cancels_on_disconnect
    return {"scope": scope, "enabled": enabled}


def _cancel_on_disconnect(call: Context, *, enabled: bool) -> str:
    if _scope(call) == "account":
        call.account.cancels_on_disconnect = enabled
    else:
        call.session.cancels_on_disconnect = enabled
    return "ok"


def _scope(call: Context) -> str:
    scope = call.params.text("scope", "connection", one_of=_SCOPES)
    if scope == "connection" and call.session.carrier != "websocket":
        raise VenueError("must_be_websocket_request")
    return scope
