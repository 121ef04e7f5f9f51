"""Show a ranking: terminal, Markdown, and the page."""
