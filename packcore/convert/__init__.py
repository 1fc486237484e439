"""Convert objects from one object format to another: gives every object a new id, and replaces ids within it.

rewrite       the bytes of one object with its ids replaced (pure)
message       ids that people wrote into messages
notes_tree    which entries of a tree are notes, and about which objects (pure except for reading)
notes_writer  a notes tree, laid out as git does
notes         the histories of notes refs, with their entries renamed
ref_names     refs whose name contains an id
translation   all reachable objects, each after those it refers to: old id -> new id
store         the translated objects as a store, which makes each one from the old one when it is read

Only new notes trees are stored twice. Selection and writing read the new objects through the store, so a
repository is converted into one pack in a single pass.
"""

from packcore.convert.store import TranslatedStore
from packcore.convert.translation import Counts, Translation, translate

__all__ = ["Counts", "TranslatedStore", "Translation", "translate"]
