"""Compare packs: run strategies and other programs on the same objects, each run in a separate process.

    runner    the parent: order of the runs, medians, one report               only starts `child`
    child     one job, read from stdin as JSON, answered on stdout             `python -m cli.bench.child`
    jobs      what a child can do: list objects, check a pack, read it back
    ours      pack with a strategy of the engine
    peers     pack with git, libgit2 or dulwich
    spelling  a strategy and its parameters in one word
    usage     CPU time and peak memory of a process
    values    the settings and the report

The parent holds no objects and no plans, because on some systems the peak memory of a new process starts with
that of its parent.
"""
