"""Turns a results directory into a report that a person reads: an HTML page, the same as Markdown, figures.

Every number shown stands in the results files; the report computes no metric. What it derives for reading
(differences, means and standard deviations over seeds, medians of times) is marked as such on the page.
"""
