"""`naryq code`: what an app for one-time codes shows, for whoever has none at hand."""

import click
import pyotp

from naryq.messages import Code, Refusal


@click.command()
def code() -> None:
    """Ask for the secret of somebody's one-time codes, and print the code of the moment.

    The secret is asked for, since others can read a command line. A code counts once; the next comes within 30 s.
    """
    secret = click.prompt("Secret of the codes", err=True).replace(" ", "")
    try:
        click.echo(pyotp.TOTP(secret).now())
    except ValueError:
        what, remedy = "this is no secret of one-time codes", "Give its letters and digits as the venue printed them."
        raise Refusal(Code.WRONG_TYPE, what, where="secret", remedy=remedy) from None
