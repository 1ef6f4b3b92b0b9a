"""A mail server for tests. Takes one argument, a JSON object:

    dir      where it puts what it got: `1.json`, `2.json`, …, and the commands as they came in `commands.log`
    tls      "starttls", "tls", or "none"
    hosts    the names that its certificate is for; without them `localhost` and 127.0.0.1
    users    names and passwords; with them nobody gets in without
    answers  what to say instead of yes: {"rcpt": {ADDRESS: "550 5.1.1 nobody"}, "mail": …, "data": …}
    hang     recipients about whom it never says anything

Prints one line of JSON with its `port` when it listens, and ends when its standard input does.
"""

import asyncio
import email
import email.policy
import json
import pathlib
import sys

from aiosmtpd.smtp import SMTP, AuthResult

import certificates


class Handler:
    def __init__(self, options):
        self.options, self.messages, self.sessions = options, 0, 0
        self.directory = pathlib.Path(options["dir"])

    def log(self, session, text):
        if not hasattr(session, "number"):
            self.sessions += 1
            session.number = self.sessions
        with open(self.directory / "commands.log", "a", encoding="utf-8") as log:
            log.write(f"{session.number} {text}\n")

    def answer(self, command, address):
        return self.options.get("answers", {}).get(command, {}).get(address)

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        self.log(session, f"EHLO {hostname}")
        session.host_name = hostname
        return responses

    def authenticate(self, server, session, envelope, mechanism, data):
        self.log(session, f"AUTH {mechanism}")
        name, password = data.login.decode(), data.password.decode()
        session.user = name
        return AuthResult(success=self.options["users"].get(name) == password, handled=False)

    async def handle_MAIL(self, server, session, envelope, address, mail_options):
        self.log(session, f"MAIL {address}")
        if (refusal := self.answer("mail", address)) is not None:
            return refusal
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        self.log(session, f"RCPT {address}")
        if address in self.options.get("hang", []):
            await asyncio.sleep(3600)
        if (refusal := self.answer("rcpt", address)) is not None:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.log(session, f"DATA {len(envelope.original_content)}")
        if (refusal := self.answer("data", envelope.rcpt_tos[0])) is not None:
            return refusal
        raw = envelope.original_content
        message = email.message_from_bytes(raw, policy=email.policy.default)
        parts = [
            {
                "type": part.get_content_type(),
                "charset": part.get_content_charset(),
                "encoding": part["Content-Transfer-Encoding"],
                "text": part.get_payload(decode=True).decode("utf-8"),
                "defects": [str(defect) for defect in part.defects],
            }
            for part in message.walk()
            if not part.is_multipart()
        ]
        self.messages += 1
        got = {
            "session": session.number,
            "tls": session.ssl is not None,
            "user": getattr(session, "user", None),
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "raw": raw.decode("latin-1"),
            "headers": {name: str(value) for name, value in message.items()},
            "names": message.keys(),
            "kind": message.get_content_type(),
            "parts": parts,
            "defects": [str(defect) for defect in message.defects],
        }
        (self.directory / f"{self.messages}.json").write_text(json.dumps(got), encoding="utf-8")
        return "250 OK"


class Session(SMTP):
    """`session.ssl` says nothing about TLS from the first byte: the transport does."""

    def connection_made(self, transport):
        super().connection_made(transport)
        if transport.get_extra_info("ssl_object") is not None:
            self.session.ssl = {"from the first byte": True}


async def main(options):
    handler = Handler(options)
    tls = options.get("tls", "none")
    context = certificates.context(options["dir"], options.get("hosts", ("localhost", "127.0.0.1")))
    users = "users" in options

    def session():
        return Session(
            handler,
            hostname="localhost",
            tls_context=context if tls == "starttls" else None,
            require_starttls=tls == "starttls",
            authenticator=handler.authenticate if users else None,
            auth_required=users,
            auth_require_tls=tls == "starttls",
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(session, "127.0.0.1", 0, ssl=context if tls == "tls" else None)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    try:
        asyncio.run(main(json.loads(sys.argv[1])))
    finally:
        # Sessions that hang are left where they are.
        sys.stdout.flush()
