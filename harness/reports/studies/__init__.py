"""The page of all studies and source papers, in Markdown and HTML, from the results that are kept of each study."""
