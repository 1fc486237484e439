"""One file a command: the `run` of `pack_objects.py` answers to `packcore pack-objects`.

Files are found by a scan of this folder, so a new command is one new file. A file imports click, `cli` and
types at its top, and the engine inside its function: `packcore --help` loads every file here.
"""
