"""Measuring packs: strategies and other programs on the same objects, each run in a process of its own.

    runner    the parent: which run comes when, medians, one report           starts nothing but `child`
    child     one job, read from stdin as JSON, answered on stdout             `python -m cli.bench.child`
    jobs      what a child can do: list objects, check a pack, read it back
    ours      pack with a strategy of the engine
    peers     pack with git, libgit2 or dulwich
    spelling  a strategy and its parameters in one word
    usage     CPU time and peak memory of a process
    values    what is asked for, and the report

The parent holds no object and no plan: on some systems the peak memory of a new process begins with
that of whoever started it.
"""
