"""docs/workshop.md, typed as it stands there; and every command line of every page, looked at.

The whole page takes a minute: `make test-workshop`.
"""

import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess

import click
import page
import pytest
from flashed import HASTY

from host_tools import build, cli
from host_tools.broker import is_free

TYPED = ["README.md", *sorted(f"docs/{path.name}" for path in (build.ROOT / "docs").glob("*.md"))]
END = "-- that was it --"


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("KISTA_WORKSHOP"), reason="a minute: make test-workshop")
def test_the_page_does_what_it_says_from_unpacking_to_a_tray_of_boards(tmp_path):
    if not is_free(1883):
        pytest.skip("port 1883, which the page uses, is taken")
    # Make itself may have started this.
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    shell = subprocess.Popen(
        ["bash"],
        cwd=build.ROOT,
        env=kept | HASTY | {"HOME": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        for step in page.steps("workshop.md"):
            said = _typed(shell, step.commands)
            assert "Traceback" not in said, said
            wrong = page.differs(step.shows, said) if step.shows else None
            assert wrong is None, f"the page says: {wrong}\nafter\n{step.commands}\nbut:\n{said}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        shell.wait(10)
    assert not (tmp_path / "kista-practice" / "practice" / "board-1").is_symlink()


def _typed(shell, commands):
    """Return what is shown after a block of commands."""
    shell.stdin.write(f"{commands}\necho; echo '{END}'\n")
    shell.stdin.flush()
    said = []
    for line in shell.stdout:
        if line.rstrip("\n") == END:
            return "".join(said).removesuffix("\n")
        said.append(line)
    raise AssertionError("the shell has ended:\n" + "".join(said))


@pytest.mark.parametrize("name", TYPED)
def test_every_command_line_of_a_page_names_commands_and_options_that_there_are(name):
    text = (build.ROOT / name).read_text()
    blocks = re.findall(r"^```(?:sh)?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    for line in [line for line in lines if re.search(r"\bkista [a-z-]", line)]:
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = []
        for word in [*lexer, ";"]:
            if word[0] not in ";|&()<>":
                words.append(word)
            elif words:
                if words[0] == "kista":
                    _look_at(words[1:], line)
                words = []


def _look_at(words, line):
    """Have click take the words apart, without checking whether files are there."""
    command = cli.kista
    while isinstance(command, click.Group) and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words[0])
        assert found, f"there is no command {words[0]}: {line}"
        command, words = found, words[1:]
        if isinstance(command, click.Group):
            own = [opt for one in command.params for opt in one.opts]
            while words and words[0] in own:
                words = words[2:]
    options = {opt for one in command.params for opt in one.opts + one.secondary_opts}
    options |= {"--help", "-h", "--version"}
    named = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
    assert named <= options, f"{line}: no such options: {named - options}"


def test_the_page_is_compared_line_by_line():
    shows = ["a", "b … c", "…", "z"]
    assert page.differs(shows, "a\nb 17 c\nx\ny\nz\n") is None
    assert page.differs(shows, "a\nb c\nz\n") == "b … c"
    assert page.differs(["a"], "a\nb\n") == "nothing more, but there is: b"
    assert page.differs(["a", "…"], "a\nb\n") is None and page.differs(["a", "…", "z"], "a") == "z"


WRONG = [
    (["practice", "--fault", "1:rust"], "rust: no fault; there are chip, small, "),
    (["practice", "--fault", "1:dies@soon"], "dies@soon: no fault"),
    (["practice", "--fault", "2:silent"], "needs NUMBER:FAULT, NUMBER from 1 to 1"),
    (["practice", "--board", "sim"], "simulated; there is nothing to flash"),
    (["practice", "-o", "/dev/null/x"], "Not a directory"),
]


@pytest.mark.parametrize("arguments, part", WRONG)
def test_practice_says_in_a_line_what_is_wrong(capsys, arguments, part):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    said = capsys.readouterr().err
    assert ended.value.code == 1 and part in said and said.count("\n") == 1


def test_a_broker_whose_port_is_taken_says_so(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit) as ended:
        cli.main(["broker", "local", "--port", str(taken.getsockname()[1])])
    assert (
        ended.value.code == 1 and "is taken; is there a broker already?" in capsys.readouterr().err
    )
