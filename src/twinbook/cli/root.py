"""What all commands share: the group, options, and how errors are shown."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from .. import __version__
from ..domain.errors import CampaignError, Refused, TwinbookError

HOME = click.option("--home", type=click.Path(path_type=Path), help="The Twinbook home (default: .twinbook here).")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


def main() -> None:
    """The `twinbook` command. Exit status: 0 done, 1 refused or broken, 2 wrong input, 3 waiting for a signature."""
    try:
        commands(standalone_mode=False)
    except TwinbookError as error:
        _show(error)
        sys.exit(error.exit_status)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped; what was done is kept, and running again goes on from there", err=True)
        sys.exit(130)


def _show(error: TwinbookError) -> None:
    if "--json" in sys.argv:
        click.echo(json.dumps({"error": [why.document() for why in _reasons(error)]}, indent=1, ensure_ascii=False))
        return
    if isinstance(error, CampaignError):
        for fault in error.faults:
            click.echo(f"{fault.at(error.file)} [{fault.reason.code}]", err=True)
            click.echo(f"    {fault.reason.remedy}", err=True)
        return
    for why in _reasons(error):
        click.echo(f"{why.diagnosis} [{why.code}]", err=True)
        click.echo(f"    {why.remedy}", err=True)


def _reasons(error: TwinbookError):
    if isinstance(error, CampaignError):
        return [fault.reason for fault in error.faults]
    return error.reasons if isinstance(error, Refused) else (error.reason,)


def teller(as_json: bool):
    return (lambda line: None) if as_json else (lambda line: click.echo(f"  {line}"))


def print_json(data: object) -> None:
    click.echo(json.dumps(data, indent=1, ensure_ascii=False))


@click.group()
@click.version_option(__version__)
def commands() -> None:
    """Twinbook: every image of her digital twin permitted by her own signature, checked to be her, marked and paid."""
