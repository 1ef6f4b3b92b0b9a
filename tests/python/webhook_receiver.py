"""A receiver of webhooks, over https. Takes one argument, a JSON object: `dir` is where it puts what it got
(`1.json`, `2.json`, …), and where it looks for the sender's keys (`jwks.json`) when a call comes.

The path says what it answers: `/200` with that status; `/302` leads to `/200`; `/hang` is never answered;
`/endless` is 200 with a body that does not end.

It checks signatures by RFC 9421 and RFC 9530 with the library `cryptography`, and shares no line with the
program that made them. Prints one line of JSON with its `port` when it listens, and ends when its standard
input does.
"""

import base64
import hashlib
import http.server
import json
import os
import pathlib
import re
import sys
import threading

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

import certificates

INPUT = re.compile(r'^(?P<label>[a-z]+)=(?P<parameters>\((?P<names>("[a-z@-]+" ?)*)\);(?P<rest>.*))$')


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def problem(request, body, jwks):
    """Why this is no call by a holder of one of the keys; None when it is."""
    found = INPUT.match(request.headers.get("Signature-Input", ""))
    if found is None:
        return "no Signature-Input"
    parameters = dict(part.split("=", 1) for part in found["rest"].split(";"))
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    if request.headers.get("Content-Digest") != f"sha-256=:{digest}:":
        return "the digest is not that of the body"
    derived = {
        "@method": request.command,
        "@target-uri": f"https://{request.headers['Host']}{request.path}",
    }
    names = [name.strip('"') for name in found["names"].split(" ")]
    for needed in ("@method", "@target-uri", "content-digest", "content-type", "webhook-id"):
        if needed not in names:
            return f"{needed} is not covered"
    lines = [f'"{name}": {derived.get(name, request.headers.get(name))}' for name in names]
    lines.append(f'"@signature-params": {found["parameters"]}')
    for key in jwks["keys"]:
        if f'"{key["kid"]}"' == parameters["keyid"]:
            break
    else:
        return "no such key"
    signature = re.match(rf'^{found["label"]}=:(.*):$', request.headers.get("Signature", ""))
    try:
        public = Ed25519PublicKey.from_public_bytes(unpadded(key["x"]))
        public.verify(base64.b64decode(signature[1]), "\n".join(lines).encode())
    except (InvalidSignature, TypeError):
        return "the signature is not by that key over this"
    return None


class Receiver(http.server.BaseHTTPRequestHandler):
    directory, count, lock = None, 0, threading.Lock()
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        jwks = json.loads((self.directory / "jwks.json").read_text())
        got = {
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": body.decode(),
            "problem": problem(self, body, jwks),
            "problem_of_another_body": problem(self, body + b" ", jwks),
        }
        with self.lock:
            Receiver.count += 1
            (self.directory / f"{Receiver.count}.json").write_text(json.dumps(got))
        if self.path == "/hang":
            threading.Event().wait()
        if self.path == "/endless":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            except OSError:
                return
        self.send_response(int(self.path.strip("/").split("?")[0]))
        if self.path == "/302":
            self.send_header("Location", "/200")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_):
        pass


def main(options):
    Receiver.directory = pathlib.Path(options["dir"])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.daemon_threads = True
    context = certificates.context(options["dir"])
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
