"""Show a ranking: in the terminal, as Markdown, and as a web page."""
