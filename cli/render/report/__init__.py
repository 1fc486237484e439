"""`packcore report`: one self-contained page about one pack, and its figures as JSON.

summary.py   what is told of the whole pack: totals, types, histograms, largest objects
columns.py   what the page knows of each object, as typed arrays
embed.py     which entries' bytes the page carries, so that it can take them apart
page.py      puts these and the files of assets/ together
assets/      the page's own HTML, CSS and JavaScript
"""
