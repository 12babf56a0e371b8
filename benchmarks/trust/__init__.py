"""Figures about what can be relied on: nothing lost, nothing leaked, nothing beyond a bound."""
