"""The typed contexts of the dashboard, one module for each page: templates may use these fields and no others.

Sections that the report has too are drawn from the report's own ``ReportView``: one set of numbers for every reader.
"""
