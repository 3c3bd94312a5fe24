"""Stores: the ports in `port.py`, an adapter a technology, one behaviour suite a port."""
