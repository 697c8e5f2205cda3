"""The engine: a self-hosted Code Interpreter that speaks OpenAI's Responses, Containers and Files API.

Read in this order: ``wire``, ``items``, ``request``, ``events`` (the wire's objects) · ``shape``, ``errors`` (what a wrong request is
told) · ``lifecycle``, ``containers``, ``files``, ``state`` (what the engine keeps) · ``models`` (who writes the code) · ``responses``
(the turn loop) · ``routes_*`` and ``app`` (HTTP). ``sandbox`` makes the kernels and knows nothing of all this.
"""
