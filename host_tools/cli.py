"""The console script `kista`: a command is a file in `commands/` with a `command` in it."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import click

from host_tools import commands
from host_tools.errors import UserError

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130


class _Commands(click.Group):
    """Finds commands by their files, so that the help cannot drift from what exists."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(module.name for module in pkgutil.iter_modules(commands.__path__))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        return importlib.import_module(f"host_tools.commands.{cmd_name}").command


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kista")
def kista() -> None:
    """Kista: a city's sensor node on the PC, and the tools around it."""


def main(arguments: list[str] | None = None) -> None:
    """Run one command and leave with its exit code: 0 done, 1 failed, 2 wrong usage, 130 Ctrl-C."""
    try:
        sys.exit(kista.main(arguments, prog_name="kista", standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except UserError as error:
        click.echo(f"kista: {error}", err=True)
        sys.exit(EXIT_FAILED)
    except (click.Abort, KeyboardInterrupt):
        click.echo("kista: interrupted", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone (`kista export … | head`): nothing left to say.
        sys.stderr.close()
        sys.exit(EXIT_FAILED)
