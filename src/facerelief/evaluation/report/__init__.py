"""An evaluation as JSON, Markdown, HTML and figures."""
