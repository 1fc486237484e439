"""The command line: the only package that prints, reads the environment or exits.

app.py        the group, commands found by folder scan and loaded when asked for
command.py    one command: help in sections, `--debug`
exits.py      from an exception to two lines on stderr and an exit code
values.py     how words become values: sizes, seconds, lists, headers
params.py     groups of options that commands share, and the frozen values made from them
console.py    streams, verbosity, JSON, progress
files.py      an output file that appears whole or not at all
commands/     one file a command; a new file is a new command
render/       text from packcore's values: tables, listings, progress lines
"""
