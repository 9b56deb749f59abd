"""The shell of every HTML page that is written: no script, no request, light or dark as the reader's system is."""

from html import escape


def document(title: str, style: str, body: str) -> str:
    """A page of HTML 5.

    Args:
        title: Plain text.
        style: CSS for both colour schemes.
        body: HTML.
    """
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><style>{style}</style></head><body>{body}</body></html>\n'
    )
