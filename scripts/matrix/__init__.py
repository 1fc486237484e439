"""The matrix: the suites of tests against every git, Python and set of dependencies that packcore works with.

    python -m scripts.matrix --list
    python -m scripts.matrix --columns debian-13,lowest --suites e2e,cli

    columns.toml    the columns and the suites: a new one is a new entry
    columns.py      reads that table and picks columns and suites by name
    places.py       where a column runs: this machine, or a Debian of its own
    debian.py       makes that Debian with debootstrap, and runs commands in it
    files.py        a copy of the checkout for each column
    cells.py        prepares a column, runs its suites, counts what passed
    results.py      what a column and a cell came to, kept for the documentation
    render.py       the table, in a terminal and in the documentation
    fresh.py        .ci/run on a fresh Debian
    wheel.py        one suite: the wheel, installed and used

Needs nothing but Python's standard library: it runs before any virtual environment exists.
"""
