"""Strict checks of objects and of whole repositories, in the ids and words of git fsck."""
