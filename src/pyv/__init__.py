"""pyv: standalone Pythons in a shared store, switched by folder, and virtual environments pinned to them."""

__version__ = "0.1.0"
