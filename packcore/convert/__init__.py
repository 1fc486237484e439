"""From one object format to another: every object named anew, and every name of an object within it.

rewrite       one object's bytes with its names replaced (pure)
message       ids that people wrote into messages
translation   all reachable objects, each after what it names: old id -> new id
store         the translated objects as a store, made anew from the old ones whenever one is read

Nothing is stored twice: selection and writing read the new objects through the store, so a repository is
converted into one pack in one go.
"""

from packcore.convert.store import TranslatedStore
from packcore.convert.translation import Counts, Translation, translate

__all__ = ["Counts", "TranslatedStore", "Translation", "translate"]
