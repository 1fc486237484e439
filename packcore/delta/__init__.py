"""Deltas: their code, and the strategies that choose bases."""
