"""The guided walk: from one line of text to a pushed pack, with every byte made by hand.

workshop   makes the bytes step by step: objects, pack, index
chapters   the texts, displays and questions, in order
guide      shows the texts, asks the questions, checks the answers
"""
