"""The guided walk: from one line of text to a pack that is pushed, every byte made by hand.

workshop   the bytes, made step by step: objects, pack, index
chapters   what is told, shown and asked, in order
guide      tells, asks, checks
"""
