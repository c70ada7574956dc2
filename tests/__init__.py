"""Tests mirror the modules by name."""
