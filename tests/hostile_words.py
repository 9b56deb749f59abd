"""Names and addresses that no program should do as it is told by."""


def hostile_names() -> tuple[str, ...]:
    """Names for uploads and patterns that try to leave their folder, or to be something else."""
    return (
        "../../etc/passwd", "/etc/passwd", "..\\..\\boot.ini", "C:\\x.png", "\\\\host\\share\\x.png",
        "a/../../b.png",
        "%2e%2e%2fx.png", "....//x.png", "x.png\0.exe", "\0", "", ".", "..", " ", "-", "--help", "-o", "|id", ";id",
        "$(id).png", "`id`.png",
        "nul", "CON.png", "x" * 5000, "\u202egnp.exe", "\ud800.png", "a\nb.png", "a\x1b[31m.png",
        "{name}.png", "{0.__class__}", "%s%n.png", "file:///etc/passwd", "http://127.0.0.1/x.png",
    )  # fmt: skip


HOSTILE_URLS = (
    "http://127.0.0.1/x.png", "http://localhost/x.png", "http://[::1]/x.png", "http://0.0.0.0/x.png",
    "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/x", "http://192.168.0.1/x", "http://172.31.255.1/x",
    "http://100.100.100.200/x", "http://[fd00::1]/x", "http://[fe80::1]/x", "http://[::ffff:10.0.0.1]/x",
    "http://2130706433/x", "http://0x7f000001/x", "http://0177.0.0.1/x", "http://127.1/x", "https://127.0.0.1/x",
    "ftp://127.0.0.1/x", "file:///etc/passwd", "FILE:///etc/passwd", "gopher://127.0.0.1:25/x", "dict://127.0.0.1/x",
    "data://text/plain,x", "jar:http://x!/y", "http://user:pass@127.0.0.1/x", "http://", "http:///x", "http://[/x",
    "http://127.0.0.1:99999/x", "http://127.0.0.1:-1/x", "https://", "unix:///var/run/docker.sock", "http://[::]/x",
)  # fmt: skip
