"""The door for telephones: SIP (RFC 3261) over UDP, TCP, TLS and WebSocket.

From the wire up: a *flow* (``transport.py``, ``websocket.py``) brings bytes, ``message.py`` reads
them, ``transactions.py`` absorbs what is repeated, ``user_agent.py`` decides what a request is
about, ``call.py`` is one call, ``placed_call.py`` one of ours before it is answered, ``trunk.py`` a
provider, and ``door.py`` joins a call to a session. All but the flows, the door, ``trunk.py`` and
``dialling.py`` are sans-IO: ``now`` is an argument, in seconds of a monotonic clock.
"""
