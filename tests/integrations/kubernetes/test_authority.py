"""A live connection trusts the authority that its settings name, and nobody else's."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.sdk import Rejected, Unavailable
from integrations.kubernetes import INTEGRATION
from integrations.kubernetes.client import Settings
from integrations.kubernetes.scaling import Stop
from tests.integrations.kubernetes.contract import ASSISTANT


class _Empty(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Run an API server without objects on TLS, with a certificate of its own in `ca.pem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cluster of the tests")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Empty)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(("authority", "error"), [("ca.pem", Rejected), (None, Unavailable)])
async def test_a_cluster_is_reached_when_its_authority_is_named_and_not_otherwise(
    tmp_path: Path, authority: str | None, error: type[Exception]
) -> None:
    with serving(tmp_path) as url:
        given = {**INTEGRATION.simulated, "url": url, "ca_file": authority and tmp_path / authority}
        settings = Settings.model_validate(given)
        assert INTEGRATION.transport
        async with httpx.AsyncClient(base_url=url, transport=INTEGRATION.transport(settings)) as client:
            with pytest.raises(error):
                await Stop(settings, client).read(ASSISTANT)
