"""Models behind HTTP servers that speak OpenAI's API: one client, for those that draw and those that judge."""
