"""The site of the documentation: `make docs`, or `python -m sphinx -W docs build/docs`."""

import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS / "_ext"), str(DOCS.parent)]  # studies are not installed

project = "noise_exp"
author = "The noise_exp developers"
html_title = "noise_exp"
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
exclude_patterns = ["results/**"]  # the pages that show them include them

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "pages",
    "reference",
    "methods",
]
myst_enable_extensions = ["attrs_inline", "dollarmath"]
myst_heading_anchors = 6
myst_linkify_fuzzy_links = False
html_math_renderer = "mathml"

autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
add_module_names = False
napoleon_use_ivar = True
default_role = "literal"
