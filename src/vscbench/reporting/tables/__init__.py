"""Tables: one file each, a row a method and a column a metric, as CSV, Markdown, LaTeX and HTML."""
