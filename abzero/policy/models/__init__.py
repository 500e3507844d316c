"""Models as files: loading, shapes, tokenizers, adapters, export."""
