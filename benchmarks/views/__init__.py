"""How fast the views behind dashboards answer over a large fleet with a year of history."""
