"""What every object store keeps to: a folder, memory, and a real server of the S3 protocol.

Google's own endpoint can't be reached from here: its store differs from S3's in what signs the requests alone, and is
made, not asked, below.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from liveexec.cli.app import run
from liveexec.cli.exit_codes import ExitCode
from liveexec.domain.ids import InstrumentId
from liveexec.domain.object_store import ObjectStore, StreamsTimeRanges
from liveexec.domain.recorded import SourceTrade, TickKind
from liveexec.domain.secret import Secret
from liveexec.errors import (
    ConfigurationError,
    InvalidInput,
    ObjectAccessDenied,
    ObjectExists,
    ObjectNotFound,
    ObjectStoreError,
)
from liveexec.replay.run import run_replay
from liveexec.replay.spec import load_spec
from liveexec.storage.objects.locations import location_of
from liveexec.storage.objects.opening import open_store
from liveexec.storage.results.archive import RunArchive
from liveexec.storage.ticks.reader import WindowedMarket
from liveexec.storage.ticks.relayout import lay_out
from liveexec.storage.ticks.windows import Window
from support.replay_specs import document
from support.results import make_run
from support.s3 import BUCKET, KEYS, running_s3

SPOT = InstrumentId("BINANCE-SPOT:SPOT_PAIR:BTC-USDT")
#: Everything that canonical ids and people put into names.
ODD_NAME = "a b/BINANCE-FUTURES:PERPETUAL:BTC-USDT@LIN+ü#%41,&=~.parquet"

#: 2024-08-08T00:00:00Z in microseconds.
DAY_US = 1_723_075_200_000_000

Opener = Callable[[str], ObjectStore]


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    with running_s3() as url:
        yield url


@pytest.fixture(params=["file", "memory", "s3"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Opens stores below prefixes of one and the same place, which is empty."""
    place = uuid4().hex
    if request.param == "file":
        return lambda prefix: open_store(f"{tmp_path.as_uri()}/{prefix}")
    if request.param == "memory":
        return lambda prefix: open_store(f"memory://{place}/{prefix}")
    url = request.getfixturevalue("s3_url")
    return lambda prefix: open_store(f"s3://{BUCKET}/{place}/{prefix}", {"endpoint": url, **KEYS})


@pytest.fixture
def store(opener: Opener) -> ObjectStore:
    return opener("root")


def test_an_object_comes_back_as_it_was_put(store: ObjectStore) -> None:
    store.put(ODD_NAME, b"content")
    store.put("empty", b"")
    assert store.get(ODD_NAME) == b"content"
    assert store.get("empty") == b""
    info = store.head(ODD_NAME)
    assert (info.path, info.size) == (ODD_NAME, 7)


def test_what_is_there_is_not_written_over_unless_asked_to(store: ObjectStore) -> None:
    store.put("a/b", b"one")
    before = store.head("a/b")
    with pytest.raises(ObjectExists, match=r"root/a/b: it is there already; nothing was written"):
        store.put("a/b", b"two")
    assert store.get("a/b") == b"one"
    assert store.head("a/b") == before
    store.put("a/b", b"other", replace=True)
    assert store.get("a/b") == b"other"
    after = store.head("a/b")
    assert after.etag is not None
    assert after.etag != before.etag


def test_a_large_object_is_put_once_too(store: ObjectStore) -> None:
    data = os.urandom(1024) * 12 * 1024
    store.put("large", data)
    with pytest.raises(ObjectExists):
        store.put("large", data)
    assert store.get_ranges("large", [(0, 4), (len(data) - 4, len(data))]) == [data[:4], data[-4:]]


def test_parts_come_as_they_were_asked_for(store: ObjectStore) -> None:
    data = bytes(range(256)) * 40
    store.put("parts", memoryview(data))
    ranges = [(5_000, 5_001), (0, 10), (9_000, 10_240), (100, 5_000)]
    assert [bytes(part) for part in store.get_ranges("parts", ranges)] == [data[start:end] for start, end in ranges]


def test_what_is_not_there_is_not_found_by_its_name(store: ObjectStore) -> None:
    for ask in (store.head, store.get, lambda path: store.get_ranges(path, [(0, 1)])):
        with pytest.raises(ObjectNotFound, match="root/no/such"):
            ask("no/such")
    assert list(store.list("no")) == []


def test_a_folder_is_listed_with_everything_below_it_and_nothing_else(opener: Opener) -> None:
    store = opener("root")
    for path in ("a/1", "a/b/2", "ab/3", ODD_NAME):
        store.put(path, path.encode())
    opener("root2").put("a/4", b"")
    assert {(info.path, info.size) for info in store.list("a")} == {("a/1", 3), ("a/b/2", 5)}
    assert {info.path for info in store.list()} == {"a/1", "a/b/2", "ab/3", ODD_NAME}
    assert {info.path for info in opener("root/a").list("b/")} == {"b/2"}


@pytest.mark.parametrize("path", ["", "/a", "a/", "a//b", "../a", "a/./b", "a\\b", "a\nb"])
def test_a_path_that_leads_elsewhere_is_refused(store: ObjectStore, path: str) -> None:
    for ask in (store.head, store.get, lambda given: store.put(given, b"")):
        with pytest.raises(InvalidInput, match="object"):
            ask(path)


def test_a_run_is_published_once_and_read_back(store: ObjectStore) -> None:
    run = make_run()
    archive = RunArchive(store)
    archive.publish(run)
    with pytest.raises(ObjectExists, match="nothing of it was changed"):
        archive.publish(run)
    (found,) = archive.runs()
    assert found.summary == run.summary
    assert list(archive.load(found.run_id).fills) == list(run.fills)


def test_ticks_are_laid_out_and_read_by_ranges(opener: Opener) -> None:
    raw, laid = opener("raw"), opener("laid")
    count = 40_000
    times = [number * 15_000 for number in range(count)]
    columns = {"timestamp": times[::-1], "price": [1.5] * count, "amount": [2.0] * count, "side": ["buy"] * count}
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    path = f"raw_tick_data/by_date/day-1970-01-01/{TickKind.TRADES}/{SPOT}.parquet"
    raw.put(path, sink.getvalue())
    window = {SPOT: (Window(120_000_000_000, 180_000_000_000),)}
    first = WindowedMarket(raw, window, kinds=[TickKind.TRADES])
    assert lay_out(raw, first.plans[0].file, laid).is_new
    assert not lay_out(raw, first.plans[0].file, laid).is_new
    second = WindowedMarket(laid, window, kinds=[TickKind.TRADES])
    (plan,) = second.plans
    assert plan.footer is not None
    # Two minutes share a row group.
    assert (len(plan.groups), plan.footer.metadata.num_row_groups) == (1, 5)
    trades = [event for event in second.events() if isinstance(event, SourceTrade)]
    assert [trade.time_ns for trade in trades] == [time * 1_000 for time in times if 120_000_000 <= time < 180_000_000]
    assert not isinstance(laid, StreamsTimeRanges)


def test_a_store_that_does_not_answer_is_named_and_its_keys_are_not() -> None:
    # Nobody listens on the discard port of this machine.
    options: dict[str, str | Secret] = {"endpoint": "http://127.0.0.1:9", "access_key_id": "AK1"}
    options["secret_access_key"] = Secret("canary-of-a-store")
    store = open_store(f"s3://{BUCKET}/x", options, retries=0)
    with pytest.raises(ObjectStoreError) as caught:
        store.get("a")
    said = f"{caught.value!r} {caught.value.__cause__!r} {store!r} {vars(store)!r}"
    assert f"reading s3://{BUCKET}/x/a" in str(caught.value)
    assert "canary-of-a-store" not in said
    assert "\n" not in str(caught.value)


def test_keys_that_a_server_refuses_are_said_to_be_denied_and_not_shown() -> None:
    with running_s3(checks_keys=True) as url:
        store = open_store(f"s3://{BUCKET}/x", {"endpoint": url, **KEYS}, retries=0)
        with pytest.raises(ObjectAccessDenied, match="access was denied; check the credentials") as caught:
            store.put("a", b"1")
    assert not [secret for secret in KEYS.values() if secret in repr(caught.value)]


def test_a_replay_reads_signals_and_ticks_and_publishes_where_its_section_says_how(
    s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    root = f"s3://{BUCKET}/{uuid4().hex}"
    key = tmp_path / "key"
    key.write_text(KEYS["secret_access_key"] + "\n", encoding="utf-8")
    key.chmod(0o600)
    options = {
        "endpoint": "${ENDPOINT}",
        "access_key_id": "${KEY_ID}",
        "secret_access_key": {"secret": {"file": str(key)}},
    }
    monkeypatch.setenv("ENDPOINT", s3_url)
    monkeypatch.setenv("KEY_ID", KEYS["access_key_id"])
    own = open_store(root, {"endpoint": s3_url, **KEYS})
    columns: dict[str, list[float]] = {"timestamp": [DAY_US + second * 1_000_000 for second in range(300)]}
    for side, first in (("bids", 100.0), ("asks", 100.5)):
        for level in range(5):
            columns[f"{side}[{level}].price"] = [first + (level if side == "asks" else -level)] * 300
            columns[f"{side}[{level}].amount"] = [2.0] * 300
    trades = {"timestamp": columns["timestamp"], "price": [100.5] * 300, "amount": [1.0] * 300, "side": ["buy"] * 300}
    for kind, table in ((TickKind.BOOKS, columns), (TickKind.TRADES, trades)):
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table(table), sink)
        own.put(f"raw/raw_tick_data/by_date/day-2024-08-08/{kind}/{SPOT}.parquet", sink.getvalue())
    signal = {"timestamp": DAY_US + 120_000_000, "instrument_key": "SPOT_PAIR:BTC-USDT", "side": "BUY", "quantity": "1"}
    own.put("signals.json", json.dumps([{**signal, "strategy_id": "s"}]).encode())
    whole = document(signals=f"{root}/signals.json", data={"url": f"{root}/raw"}, results=f"{root}/runs", accounts=[])
    whole["objects"] = {"stores": {"s3://": {"endpoint": "http://127.0.0.1:9"}, root: options}}
    for venue in whole["venues"]:
        venue["instruments"][0]["source"] = SPOT
    file = tmp_path / "replay.json"
    file.write_text(json.dumps(whole), encoding="utf-8")
    spec = load_spec(file)
    outcome = run_replay(spec)
    assert [order.status for order in outcome.recording.orders.values() if order.parent_id is None] == ["FILLED"]
    assert "objects" not in spec.document
    assert spec.digest == load_spec({**whole, "objects": {}}).digest
    published = b"".join(own.get(info.path) for info in own.list("runs"))
    assert not [secret for secret in KEYS.values() if secret.encode() in published]
    assert run(["results", "list", f"{root}/runs", "--config", str(file)]) is ExitCode.OK
    assert outcome.run_id[:20] in capsys.readouterr().out
    assert run(["replay", "sweep", str(file), "--set", "seed=1,2", "--workers", "1"]) is ExitCode.OK
    assert len(RunArchive(open_store(f"{root}/runs", {"endpoint": s3_url, **KEYS})).runs()) == 3
    inspected = ("data", "inspect", f"{root}/raw", "--signals", f"{root}/signals.json", "--config", str(file))
    assert run(inspected) is ExitCode.OK
    capsys.readouterr()
    whole["objects"]["stores"][root]["regin"] = "eu"
    file.write_text(json.dumps(whole), encoding="utf-8")
    assert run(inspected) is ExitCode.USAGE
    assert "regin" in capsys.readouterr().err


def test_a_bucket_that_is_not_there_is_not_found(s3_url: str) -> None:
    with pytest.raises(ObjectNotFound):
        open_store("s3://nobodys", {"endpoint": s3_url, **KEYS}, retries=0).get("a")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "must read gs://"),
        ("/some/folder", "must read gs://"),
        ("s3:bucket", "must read gs://"),
        ("s3://", "names no bucket"),
        ("gs:///x", "names no bucket"),
        ("file://elsewhere/x", "a folder of this machine"),
        ("s3://key:canary-in-a-url@bucket", "must not hold a user"),
        ("s3://bucket/x?token=canary-in-a-url", "nothing after"),
        ("s3://bucket/../x", "must not have '..'"),
        ("ftp://host/x", "nobody has ftp://"),
    ],
)
def test_a_url_that_is_no_root_is_refused_without_its_secrets(url: str, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        open_store(url)
    assert says in str(caught.value)
    assert "canary-in-a-url" not in str(caught.value)


def test_options_that_a_store_does_not_have_are_refused_without_their_values() -> None:
    for url in ("s3://bucket", "gs://bucket", "memory://x", "file:///tmp"):
        with pytest.raises(ConfigurationError) as caught:
            open_store(url, {"nonsense": "canary-of-an-option", "token": "canary-of-a-token"})
        assert "canary-of" not in str(caught.value)


def test_a_store_of_googles_is_made_with_its_own_options_and_asked_nothing(tmp_path: Path) -> None:
    store = open_store("gs://bucket/prefix", {"skip_signature": "true", "base_url": "http://127.0.0.1:9"})
    assert store.url == "gs://bucket/prefix"
    with pytest.raises(ConfigurationError) as caught:
        open_store("gs://bucket", {"service_account": str(tmp_path / "none.json")})
    assert "options" in str(caught.value)


def test_locations_are_printed_as_they_are_opened(tmp_path: Path) -> None:
    for url in ("s3://b/x/y", "gs://b", "memory://m/p", "file:///tmp/x"):
        assert location_of(url).url == url
    assert location_of((tmp_path / "a b").as_uri()).prefix.endswith("/a b")


#: Asks for a file that its user may not read, as whoever owns nothing here.
DENIED = """
import os, sys
from liveexec.errors import ObjectAccessDenied
from liveexec.storage.objects.opening import open_store
store = open_store(sys.argv[1])
if os.geteuid() == 0:
    os.setegid(65534)
    os.seteuid(65534)
for ask in (lambda: store.get("secret"), lambda: store.put("new", b"")):
    try:
        ask()
    except ObjectAccessDenied as error:
        print(error)
"""


def test_a_folder_that_may_not_be_read_or_written_is_said_to_be_denied(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "secret").write_bytes(b"x")
    for path, mode in ((folder / "secret", 0o000), (folder, 0o555), *((each, 0o755) for each in tmp_path.parents[:2])):
        path.chmod(mode)
    tmp_path.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", DENIED, folder.as_uri()], capture_output=True, text=True, timeout=60, check=False
    )
    folder.chmod(0o755)
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["reading file", "writing file"], done.stderr
    assert done.stdout.count("access was denied") == 2
