"""The engine: a self-hosted Code Interpreter that speaks OpenAI's Responses, Containers and Files API.

Read in this order:

- the wire: ``wire``, ``items``, ``request``, ``response``, ``events``; ``shape`` and ``errors`` say what a wrong request is told
- what is kept: ``lifecycle``, ``cell``, ``container``, ``containers``, ``files``, ``memory``, ``state``, ``machine``
- who writes the code: ``models`` is the port; ``program``; ``upstream`` with ``chat`` and ``dialects``
- a response: ``context`` before it, ``turns`` the loop, ``drafts``, ``citations`` and ``transcript`` what it tells, ``responses`` all of them
- HTTP: ``app``, ``assembly``, ``gate``, ``faults``, ``routes_*``, ``uploads``, ``metrics``, ``documents``

``sandbox`` makes the kernels and knows nothing of all this.
"""
