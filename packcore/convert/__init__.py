"""From one object format to another: every object named anew, and every name of an object within it.

rewrite       one object's bytes with its names replaced (pure)
message       ids that people wrote into messages
notes_tree    which entries of a tree are notes, and of what (pure but for reading)
notes_writer  a tree of notes as git lays it out
notes         the histories of notes refs, their entries under the new names
ref_names     refs that an id is part of
translation   all reachable objects, each after what it names: old id -> new id
store         the translated objects as a store, made anew from the old ones whenever one is read

Nothing is stored twice but new trees of notes: selection and writing read the new objects through the store,
so a repository is converted into one pack in one go.
"""

from packcore.convert.store import TranslatedStore
from packcore.convert.translation import Counts, Translation, translate

__all__ = ["Counts", "TranslatedStore", "Translation", "translate"]
