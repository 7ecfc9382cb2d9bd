"""A workload in Python that knows nothing of Accredit but the specifications.

It gets its SVIDs and bundles with the package spiffe, verifies them, registers and gets tokens with the standard
library's HTTP: by JWT-SVID, and by X509-SVID over mutual TLS.
One line for each step that held; the first that does not ends it with exit code 1.
"""

import base64
import hashlib
import json
import os
import ssl
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request

import jwt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from spiffe import JwtSvid, SpiffeId, WorkloadApiClient

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe"
SECONDS = 30


class Failed(Exception):
    """A step that did not hold."""


def expect(holds, message):
    if not holds:
        raise Failed(message)


class Client:
    def __init__(self, setup, api):
        self.setup = setup
        self.api = api
        self.id = SpiffeId(setup["spiffe_id"])
        self.tls = ssl.create_default_context(cafile=setup["ca_file"])
        self.metadata = {}

    def fetch_x509(self):
        context = self.api.fetch_x509_context()
        svid = context.default_svid
        expect(svid.spiffe_id == self.id, f"expected {self.id}, got {svid.spiffe_id}")
        for bundles in (context.x509_bundle_set, self.api.fetch_x509_bundles()):
            bundle = bundles.get_bundle_for_trust_domain(self.id.trust_domain)
            verify_path(svid.cert_chain, bundle.x509_authorities)
        public = svid.private_key.public_key()
        expect(
            public == svid.leaf.public_key(), "expected the private key of the leaf"
        )

    def fetch_jwt(self):
        audience = "https://elsewhere.example"
        svid = self.api.fetch_jwt_svid(audience={audience}, subject=self.id)
        bundles = self.api.fetch_jwt_bundles()
        bundle = bundles.get_bundle_for_trust_domain(self.id.trust_domain)
        parsed = JwtSvid.parse_and_validate(svid.token, bundle, {audience})
        expect(parsed.spiffe_id == self.id, f"expected {self.id}, got {parsed.spiffe_id}")
        validated = self.api.validate_jwt_svid(svid.token, audience)
        expect(validated.spiffe_id == self.id, "expected the Workload API to agree")

    def discover(self):
        issuer = self.setup["issuer"]
        address = f"{issuer}/.well-known/oauth-authorization-server"
        self.metadata = self.send(urllib.request.Request(address), 200)
        expect(self.metadata["issuer"] == issuer, "expected metadata of the issuer")

    def register(self):
        self.register_for("spiffe_jwt")

    def register_for_mutual_tls(self):
        self.register_for("spiffe_x509", tls_client_certificate_bound_access_tokens=True)

    def register_for(self, method, **more):
        endpoint = self.metadata["registration_endpoint"]
        body = {
            "software_statement": self.jwt_for(endpoint),
            "token_endpoint_auth_method": method,
            **more,
        }
        request = urllib.request.Request(
            endpoint,
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        registered = self.send(request, 201)
        expect(registered["client_id"] == str(self.id), "expected the SPIFFE ID")

    def token(self):
        form = {
            "grant_type": "client_credentials",
            "resource": self.setup["resource"],
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.jwt_for(self.setup["issuer"]),
        }
        endpoint = self.metadata["token_endpoint"]
        self.claims_of(self.post(endpoint, form, self.tls)["access_token"])

    def bound_token(self):
        svid = self.api.fetch_x509_svid()
        form = {
            "grant_type": "client_credentials",
            "resource": self.setup["resource"],
            "client_id": str(self.id),
        }
        endpoint = self.metadata["mtls_endpoint_aliases"]["token_endpoint"]
        answer = self.post(endpoint, form, self.mutual_tls(svid))
        leaf = svid.leaf.public_bytes(serialization.Encoding.DER)
        thumbprint = base64.urlsafe_b64encode(hashlib.sha256(leaf).digest())
        confirmation = self.claims_of(answer["access_token"])["cnf"]
        expect(
            confirmation == {"x5t#S256": thumbprint.rstrip(b"=").decode()},
            f"expected a token bound to the X509-SVID, got {confirmation}",
        )

    def mutual_tls(self, svid):
        """ssl reads the key from a file only: one of our own, gone as soon as it is read."""
        context = ssl.create_default_context(cafile=self.setup["ca_file"])
        pem = serialization.Encoding.PEM
        key = svid.private_key.private_bytes(
            pem,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "svid.pem")
            with open(path, "wb") as file:
                file.write(key)
                for certificate in svid.cert_chain:
                    file.write(certificate.public_bytes(pem))
            context.load_cert_chain(path)
        return context

    def claims_of(self, token):
        keys = self.send(urllib.request.Request(self.metadata["jwks_uri"]), 200)
        kid = jwt.get_unverified_header(token)["kid"]
        claims = jwt.decode(
            token,
            jwt.PyJWKSet.from_dict(keys)[kid],
            algorithms=["RS256", "ES256", "PS256", "EdDSA"],
            audience=self.setup["resource"],
            issuer=self.setup["issuer"],
        )
        expect(claims["client_id"] == str(self.id), "expected the client's token")
        return claims

    def jwt_for(self, audience):
        return self.api.fetch_jwt_svid(audience={audience}, subject=self.id).token

    def post(self, endpoint, form, tls):
        body = urllib.parse.urlencode(form).encode()
        return self.send(urllib.request.Request(endpoint, body), 200, tls)

    def send(self, request, status, tls=None):
        try:
            with urllib.request.urlopen(
                request, timeout=SECONDS, context=tls or self.tls
            ) as answer:
                text, came = answer.read(), answer.status
        except urllib.error.HTTPError as error:
            text, came = error.read(), error.code
        expect(came == status, f"{request.full_url}: expected {status}, got {came}: {text!r}")
        return json.loads(text)


def verify_path(chain, authorities):
    """The package checks leaves and leaves the path to its user: each certificate by the next one."""
    for index, certificate in enumerate(chain):
        issuers = [chain[index + 1]] if index + 1 < len(chain) else authorities
        expect(
            any(is_issued_by(certificate, issuer) for issuer in issuers),
            f"expected certificate {index} of the chain to be issued by the next one",
        )


def is_issued_by(certificate, issuer):
    try:
        certificate.verify_directly_issued_by(issuer)
        return True
    except (InvalidSignature, TypeError, ValueError):
        return False


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        setup = json.load(file)
    api = WorkloadApiClient(setup["workload_api"], default_timeout=SECONDS)
    try:
        client = Client(setup, api)
        for name, step in (
            ("X509-SVID fetched and verified", client.fetch_x509),
            ("JWT-SVID fetched and verified", client.fetch_jwt),
            ("server metadata read", client.discover),
            ("registered by JWT-SVID", client.register),
            ("token got by JWT-SVID", client.token),
            ("registered for mutual TLS", client.register_for_mutual_tls),
            ("token got by X509-SVID, bound to it", client.bound_token),
        ):
            try:
                step()
            except Exception as error:
                sys.exit(f"{name}: {type(error).__name__}: {error}")
            print(name, flush=True)
    finally:
        api.close()


main()
