"""Where tokens are kept for use: one file a store, the contract in `base`."""

from automation.stores.base import NotStored, Ref, Store
from automation.stores.registry import open_store

__all__ = ["NotStored", "Ref", "Store", "open_store"]
