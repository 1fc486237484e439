"""`packcore report`: one self-contained page about one pack, and its figures as JSON.

summary.py   figures of the whole pack: totals, types, histograms, largest objects
columns.py   what the page knows about each object, as typed arrays
embed.py     which entries the page contains, so that it can show their bytes
page.py      combines these and the files of assets/
assets/      the page's own HTML, CSS and JavaScript
"""
