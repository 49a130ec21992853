"""The version of this product. Nothing else says it: packages, documents and logs take it from here."""

VERSION = "0.2.0"
