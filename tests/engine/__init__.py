"""The engine against the vendor's own clients and schema, over a real socket."""
