"""`packcore completion`: what makes a shell complete commands, options, refs and more."""

from __future__ import annotations

import click

from cli.command import command
from cli.streams import Output

_SHELLS = ("bash", "zsh", "fish")


@command(
    "completion",
    short_help="Print a completion script for your shell.",
    examples="""
        eval "$(packcore completion bash)"                                   # in ~/.bashrc
        eval "$(packcore completion zsh)"                                    # in ~/.zshrc, after compinit
        packcore completion fish > ~/.config/fish/completions/packcore.fish
    """,
)
@click.argument("shell", type=click.Choice(_SHELLS), metavar="bash|zsh|fish")
@click.pass_context
def run(context: click.Context, shell: str) -> None:
    """Print a completion script for a shell: commands, options, files, strategies, refs of a remote.

    To complete refs, name the source first: `packcore sync SOURCE TARGET --branch <Tab>`. The source has
    three seconds to answer.
    """
    from click.shell_completion import ShellComplete, get_completion_class

    found = get_completion_class(shell)
    assert found is not None
    made = found(context.find_root().command, {}, "packcore", "_PACKCORE_COMPLETE")
    # Not its own `source`: that one starts the shell to ask for its version.
    Output.of_run().out(ShellComplete.source(made).strip())
