"""The structure of a file, byte by byte: packs, indexes and loose objects as trees of named ranges.

    from packcore.anatomy import leaves, open_anatomy
    with open_anatomy(Path("x.pack")) as anatomy:
        for part in leaves(anatomy.root): print(part.start, part.end, part.name, part.value)

Everything that explains a pack shows this one model. The content of a stream has a tree of its own:
`Part.content()`.
"""

from packcore.anatomy.chain import ChainReader, Link, read_chain
from packcore.anatomy.delta import Step, delta_anatomy, steps
from packcore.anatomy.files import open_anatomy, open_pack_anatomy
from packcore.anatomy.index import index_anatomy, reverse_index_anatomy
from packcore.anatomy.loose import loose_anatomy
from packcore.anatomy.model import Anatomy, Bit, Part, Value, leaves, way_to
from packcore.anatomy.objects import object_anatomy
from packcore.anatomy.pack import Entry, PackAnatomy

__all__ = [
    "Anatomy",
    "Bit",
    "ChainReader",
    "Entry",
    "Link",
    "PackAnatomy",
    "Part",
    "Step",
    "Value",
    "delta_anatomy",
    "index_anatomy",
    "leaves",
    "loose_anatomy",
    "object_anatomy",
    "open_anatomy",
    "open_pack_anatomy",
    "read_chain",
    "reverse_index_anatomy",
    "steps",
    "way_to",
]
