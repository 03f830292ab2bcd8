"""One module builds the context of one section; its template has the same name under ``templates/sections``."""
