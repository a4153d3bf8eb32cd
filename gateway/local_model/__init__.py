"""The embedded model: a Realtime GA server that answers in real speech without key or network.

English only, and a demonstration: it hears, and answers by rules. See README.md here.
"""
