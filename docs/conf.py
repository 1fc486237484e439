"""How the site is built: Sphinx, Markdown by MyST, the Furo theme. Nothing is loaded from elsewhere.

Docstrings are written for readers of the code: `docstring` below turns their layout into what Sphinx expects.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from packcore import __version__  # noqa: E402
from scripts.reference_pages import GENERATED  # noqa: E402

project = "packcore"
author = "The packcore maintainers"
release = version = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["examples", "traces", "_build"]
default_role = "code"
highlight_language = "none"
pygments_style, pygments_dark_style = "friendly", "github-dark"

myst_enable_extensions = ["colon_fence", "attrs_inline"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = "packcore"
html_static_path = ["_static"]
html_css_files = ["packcore.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 90
# Types of signatures are links where one page describes them; `type` and `Part` name two things.
suppress_warnings = ["ref.python"]

# Where the mark stands, the page gets what is read from the code itself.
_MARK = re.compile(r"<!-- generated: ([\w-]+) -->")


def fill_in(_app, _name, source):
    """Put generated tables where a page asks for them."""
    source[0] = _MARK.sub(lambda mark: GENERATED[mark[1]](), source[0])


def docstring(_app, _what, _name, _obj, _options, lines):
    """Make literal blocks of indented text, and literal words of what Sphinx would take for markup."""
    text = []
    previous_blank, previous_indented = True, False
    for line in lines:
        indented = line.startswith("    ")
        if indented and previous_blank and not previous_indented:
            text += ["::", ""]
        if not indented:
            line = re.sub(r"(?<!`)(\*|\||_(?=\W|$))", r"\\\1", line) if "`" not in line else line
        text.append(line)
        previous_blank = not line.strip()
        previous_indented = indented or (previous_blank and previous_indented)
    lines[:] = text


def setup(app):
    """Connect the two."""
    app.connect("source-read", fill_in)
    app.connect("autodoc-process-docstring", docstring)
    return {"parallel_read_safe": True}
