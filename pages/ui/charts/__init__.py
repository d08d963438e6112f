"""Chart specifications: data in, a specification out; nothing here draws."""
