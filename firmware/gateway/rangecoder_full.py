"""The range coder for numbers beyond 2^28, always in bytecode: any integer fits there."""

from gateway.rangecoder import code  # noqa: F401 - a native build puts the bytecode of `code` here
