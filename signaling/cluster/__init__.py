"""Gateways that share a Redis, so that a client which comes back to another one finds its call.

A call stays at the gateway that opened it, its media too: what a client asks for elsewhere is
passed on to there. Redis carries these messages, and keeps nothing of a call.
"""
