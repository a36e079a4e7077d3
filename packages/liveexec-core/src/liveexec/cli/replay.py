"""``liveexec replay``: signals over a recorded or synthetic market, once, many times, or by several algorithms."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Annotated, Any, Final

from attrs import asdict, evolve
from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from liveexec.cli.exit_codes import ExitCode
from liveexec.cli.log_range import parse_since
from liveexec.cli.options import OutputFormat, OutputOption
from liveexec.cli.output import write_once
from liveexec.cli.results import summary_row
from liveexec.config.document import read_document
from liveexec.domain import money
from liveexec.domain.money import MONEY
from liveexec.domain.operation import Side
from liveexec.errors import Fault, InvalidInput
from liveexec.presentation.table_view import Report
from liveexec.presentation.views.replays import algorithms_view, sweep_view
from liveexec.presentation.views.runs import run_view
from liveexec.replay.comparison import ALGORITHMS, AlgorithmOutcome, ParentOrder, compare_algorithms, plot_svg
from liveexec.replay.run import ReplayProgress, run_replay
from liveexec.replay.spec import ReplaySpec, load_spec
from liveexec.replay.sweep import SweepResult, sweep, variants_of

__all__ = ["app"]

app: Final = App(name="replay", help="Replay signals through the engine that trades live.")

FileArgument = Annotated[Path, Parameter(help="The specification, a JSON file.")]
ResultsOption = Annotated[
    str | None,
    Parameter(name="--results", metavar="STORE", help="Publish there, whatever the file says: a folder or a URL."),
]
_BPS_PLACES: Final = 3
_SHARE_PLACES: Final = 4


@app.default
def replay(
    file: FileArgument, /, *, results: ResultsOption = None, output: OutputOption = OutputFormat.TABLE
) -> ExitCode:
    """Replay a specification, and say how it came out and where its files are.

    Nothing is published before the run is over, so that Ctrl-C leaves nothing behind. Exit code 5 says that the venues
    hold something else at the end than what was recorded; the notes say what.
    """
    spec = _spec_of(file, results)
    with _progress() as bar:
        task = bar.add_task("replay", total=1.0, rows="")

        def told(progress: ReplayProgress) -> None:
            bar.update(task, completed=progress.fraction, rows=f"{progress.market_events:,} rows")

        outcome = run_replay(spec, progress=told)
    summary = outcome.results.summary
    write_once(run_view(summary_row(summary)), output)
    console = Console(stderr=True)
    console.print(f"[dim]{summary.tick_data.rows:,} rows in {outcome.took_s:.2f} s[/dim]", highlight=False)
    if outcome.url is not None:
        root, run_id = outcome.url.rstrip("/"), outcome.run_id
        for path in (f"backtest_results/{run_id}/", f"config/{run_id}/backtest_config.json", f"logs/{run_id}/"):
            console.print(f"[dim]{root}/{path}[/dim]", highlight=False, soft_wrap=True)
    return ExitCode.DIFFERENCES if outcome.differences else ExitCode.OK


@app.command(name="compare-algorithms")
def compare(
    file: FileArgument,
    /,
    *,
    instrument: Annotated[str, Parameter(name="--instrument", metavar="KEY", help="An instrument or a product.")],
    side: Annotated[Side, Parameter(name="--side", help="Which way.")],
    quantity: Annotated[Decimal, Parameter(name="--quantity", help="How much, in the listing's units.")],
    at: Annotated[str, Parameter(name="--at", metavar="TIME", help="When, in the time of the market: ISO 8601.")],
    price: Annotated[Decimal | None, Parameter(name="--price", help="The limit; without one, market orders.")] = None,
    horizon: Annotated[int, Parameter(name="--horizon-secs", help="How long scheduled algorithms work.")] = 300,
    algorithms: Annotated[
        tuple[str, ...], Parameter(name="--algorithm", negative=(), help="Which; may be repeated.")
    ] = ALGORITHMS,
    plot: Annotated[
        Path | None, Parameter(name="--plot", metavar="FILE", help="Write a plot of the fills there, as SVG.")
    ] = None,
    output: OutputOption = OutputFormat.TABLE,
) -> None:
    """Execute one order by several algorithms, each in a replay of its own, and compare what they cost.

    The venues, the market and the limits are the specification's; its signals and results are left out. Slippage and
    shortfall are in basis points against the mid on arrival: above zero is worse.
    """
    if horizon < 1:
        raise InvalidInput("compare-algorithms", [Fault("--horizon-secs", "must be at least 1")])
    order = ParentOrder(parse_since(at, 0), instrument, side, quantity, horizon, price)
    spec = load_spec(file)
    with _progress() as bar:
        task = bar.add_task("compare", total=len(algorithms), rows="")
        outcomes = compare_algorithms(
            spec, order, algorithms, done=lambda done: bar.update(task, advance=1, rows=done.algorithm)
        )
    title = f"{side} {money.plain(quantity)} {instrument}"
    write_once(algorithms_view(map(_algorithm_row, outcomes), title), output)
    if plot is not None:
        plot.write_bytes(plot_svg(outcomes, order))
        Console(stderr=True).print(f"[dim]{plot}[/dim]", highlight=False, soft_wrap=True)


@app.command(name="sweep")
def sweep_(
    file: FileArgument,
    /,
    *,
    settings: Annotated[
        tuple[str, ...],
        Parameter(
            name="--set",
            metavar="PATH=VALUES",
            negative=(),
            help="A setting and its values, with commas between: router.policy=best_price,split. May be repeated.",
        ),
    ] = (),
    workers: Annotated[
        int | None, Parameter(name="--workers", help="Runs at a time; as many as there are processors.")
    ] = None,
    results: ResultsOption = None,
    output: OutputOption = OutputFormat.TABLE,
) -> ExitCode:
    """Replay a specification with every combination of some settings, several at a time, and compare the runs.

    A path leads through objects by their keys and through lists by numbers: venues.0.latency.order_ns=0,5000000. Exit
    code 1 says that a run failed, 5 that venues hold something else at the end of one than what was recorded.
    """
    if workers is not None and workers < 1:
        raise InvalidInput("sweep", [Fault("--workers", "must be at least 1")])
    spec = _spec_of(file, results)
    document = {**spec.document, "results": spec.results}
    if (objects := read_document(file).get("objects")) is not None:
        # As it is written: each run fetches its secrets itself, none is handed from process to process.
        document["objects"] = objects
    variants = variants_of(document, _settings_of(settings))
    with _progress() as bar:
        task = bar.add_task("sweep", total=len(variants), rows="")
        found = sweep(variants, workers=workers, done=lambda _: bar.update(task, advance=1))
    write_once(Report.of("sweep", [sweep_view(map(_sweep_row, found))]), output)
    if any(each.error is not None for each in found):
        return ExitCode.FAILURE
    return ExitCode.DIFFERENCES if any(each.differences for each in found) else ExitCode.OK


@contextmanager
def _progress() -> Iterator[Progress]:
    """A line on standard error, where somebody looks at it."""
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[rows]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield progress


def _spec_of(file: Path, results: str | None) -> ReplaySpec:
    spec = load_spec(file)
    if results is None:
        return spec
    return evolve(spec, results=results if "://" in results else Path(results).absolute().as_uri())


def _settings_of(texts: tuple[str, ...]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    faults = []
    for text in texts:
        path, mark, values = text.partition("=")
        if not mark or not path or not values:
            faults.append(Fault("--set", f"{text[:60]!r} does not read like router.policy=best_price,split"))
        elif path in found:
            faults.append(Fault("--set", f"{path} is there twice"))
        else:
            found[path] = [_value(each) for each in values.split(",")]
    if faults:
        raise InvalidInput("sweep", faults)
    return found


def _value(text: str) -> Any:
    """A number, true, false or null as JSON has them; everything else is text."""
    try:
        return json.loads(text, parse_float=str)
    except json.JSONDecodeError:
        return text


def _algorithm_row(outcome: AlgorithmOutcome) -> Mapping[str, Any]:
    row = asdict(outcome, filter=lambda attribute, _: attribute.name not in ("path", "participation"))
    for name in ("slippage_bps", "shortfall_bps", "fees_bps", "seconds"):
        if row[name] is not None:
            row[name] = money.round_places(row[name], _BPS_PLACES)
    share = outcome.participation
    with localcontext(MONEY):
        row["participation_pct"] = money.round_places(share * 100, _SHARE_PLACES) if share is not None else None
    return row


def _sweep_row(result: SweepResult) -> Mapping[str, Any]:
    settings = ", ".join(f"{path}={value}" for path, value in result.settings.items())
    row: dict[str, Any] = {"number": result.number, "settings": settings, "error": result.error}
    if (summary := result.summary) is not None:
        with localcontext(MONEY):
            row["result"] = summary.final_value - summary.initial_value
        row |= {name: getattr(summary, name) for name in ("run_id", "orders", "fills", "currency", "fees")}
        row |= {"max_drawdown": summary.max_drawdown, "took_s": Decimal(f"{result.took_s:.2f}")}
    return row
