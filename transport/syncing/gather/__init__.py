"""What both sides have: their lists of refs, fetched packs, ancestry, common ground."""
