"""An assessment for its readers: one file for each format (``reports.formats``), and the dashboard's pages."""
