"""Blobs in a folder."""

from argo_provider.storage.files.blobs import FileBlobStore

__all__ = ["FileBlobStore"]
