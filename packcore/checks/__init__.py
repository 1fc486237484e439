"""Strict checks of objects and of whole repositories, with the message ids and texts of git fsck."""
