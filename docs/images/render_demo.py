"""Makes demo.svg, the README's picture: what ``liveexec demo`` prints, drawn by rich.

Run it in the workspace: ``uv run python docs/images/render_demo.py``.
"""

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 132


def demo_output() -> list[str]:
    """The demo's lines, with their colours, as on a terminal of this width."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(WIDTH), "LINES": "50", "TERM": "xterm-256color"}
    demo = subprocess.Popen(
        [sys.executable, "-m", "liveexec", "demo"], stdout=follower, stderr=follower, env=environment
    )
    os.close(follower)
    raw = bytearray()
    while True:
        try:
            raw += os.read(leader, 65_536)
        except OSError:
            break
    if demo.wait() != 0:
        raise SystemExit(raw.decode(errors="replace")[-2_000:])
    text = raw.decode().replace("\r\n", "\n")
    # Control sequences that move the cursor belong to the moving line; colours end in m and stay.
    text = re.sub(r"\x1b\[[0-9;?]*[A-HJKhl]", "", text)
    return [line.rsplit("\r", 1)[-1] for line in text.split("\n")]


def excerpt(lines: list[str]) -> list[str]:
    """The steps, a few of the tables, and the line at the end."""
    plain = [Text.from_ansi(line).plain for line in lines]
    steps = [line for line, words in zip(lines, plain, strict=True) if "✓" in words]
    positions = plain.index("Positions")
    routes = plain.index("Route")
    verification = plain.index("Verification")
    end = next(index for index, words in enumerate(plain) if words.startswith("verified:"))
    return [
        *steps[:14],
        "  …",
        *steps[-16:],
        "",
        *lines[positions : positions + 8],
        "",
        *lines[routes : routes + 5],
        "",
        *lines[verification : verification + 9],
        "…",
        *lines[end : end + 2],
    ]


def main() -> None:
    """Draw the picture beside this file."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    for line in excerpt(demo_output()):
        console.print(Text.from_ansi(line), overflow="ellipsis", no_wrap=True)
    drawn = console.export_svg(title="uv run liveexec demo")
    # Without the fonts that it would fetch from elsewhere: the reader's own monospace font does.
    drawn = re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL)
    drawn = drawn.replace("<text ", '<text xml:space="preserve" ')
    Path(__file__).with_name("demo.svg").write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()
