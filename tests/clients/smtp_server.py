"""A mail server for tests: aiosmtpd with the faults that real servers have.

It listens on a free port of 127.0.0.1, prints the port as its first line, and ends when its standard input does.
What it accepts it writes into the spool: `<n>.eml` with the bytes after DATA, `<n>.json` with the envelope; what
happens, connection by connection, it appends to `events.txt`.
"""

import argparse
import asyncio
import json
import os
import pathlib
import ssl
import sys

try:
    from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
except ImportError:
    print(
        "aiosmtpd is missing; install it with\n"
        "  python3 -m venv .venv && .venv/bin/pip install -r tests/clients/requirements.txt\n"
        "and set NOROSHI_TEST_PYTHON to .venv/bin/python",
        file=sys.stderr,
    )
    sys.exit(3)

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--spool", type=pathlib.Path, required=True)
parser.add_argument("--tls", choices=["none", "starttls", "implicit"], default="none")
parser.add_argument("--cert")
parser.add_argument("--key")
parser.add_argument("--login", help="user:password, which is then required")
parser.add_argument("--refuse", action="append", default=[], help="ADDRESS=REPLY to RCPT")
parser.add_argument("--defer", action="append", default=[], help="ADDRESS: 451 to its first RCPT, taken after that")
parser.add_argument("--greylist", action="store_true", help="451 for the first RCPT of each address")
parser.add_argument("--refuse-sender", help="ADDRESS=REPLY to MAIL")
parser.add_argument("--reject-data", help="SUBJECT=REPLY after the message")
parser.add_argument("--drop-after-data", type=int, default=0, help="take so many messages and close without a reply")
parser.add_argument("--hang-after-data", type=int, default=0, help="take so many messages and say nothing")
parser.add_argument("--max-size", type=int, default=33554432)
parser.add_argument("--letters-per-connection", type=int, default=0, help="then 421 to MAIL")
parser.add_argument("--inject-after-starttls", action="store_true", help="plain replies behind the 220")
arguments = parser.parse_args()


def event(text):
    with open(arguments.spool / "events.txt", "a", encoding="utf-8") as events:
        events.write(text + "\n")


class Server(SMTP):
    def connection_made(self, transport):
        # aiosmtpd calls this once more when STARTTLS has succeeded.
        if self.transport is None:
            event("connected")
        super().connection_made(transport)

    async def push(self, status):
        if arguments.inject_after_starttls and "Ready to start TLS" in str(status):
            # What a man in the middle would send: the replies to EHLO, EHLO and AUTH.
            status = "220 Ready to start TLS\r\n250 AUTH PLAIN\r\n250 AUTH PLAIN\r\n235 welcome"
        await super().push(status)

    async def smtp_STARTTLS(self, arg):
        event("STARTTLS")
        await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, arg):
        event("AUTH")
        await super().smtp_AUTH(arg)

    async def smtp_DATA(self, arg):
        event("DATA")
        await super().smtp_DATA(arg)

    async def smtp_QUIT(self, arg):
        event("QUIT")
        await super().smtp_QUIT(arg)


def reply_for(rule, what):
    """The reply of a rule WHAT=REPLY, if it is about this."""
    wanted, _, reply = (rule or "").partition("=")
    return reply if rule and wanted == what else None


class Handler:
    def __init__(self):
        self.greeted = set()
        self.dropped = 0
        self.hung = 0
        self.count = 0

    async def handle_MAIL(self, server, session, envelope, address, options):
        carried = getattr(session, "carried", 0)
        if arguments.letters_per_connection and carried >= arguments.letters_per_connection:
            event("421")
            await server.push("421 4.3.2 enough for today")
            server.transport.close()
            return "421 4.3.2 enough for today"
        reply = reply_for(arguments.refuse_sender, address)
        if reply:
            return reply
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 sender ok"

    async def handle_RCPT(self, server, session, envelope, address, options):
        for rule in arguments.refuse:
            reply = reply_for(rule, address)
            if reply:
                return reply
        if (arguments.greylist or address in arguments.defer) and address not in self.greeted:
            self.greeted.add(address)
            return "451 4.7.1 greylisted, come back later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 recipient ok"

    async def handle_DATA(self, server, session, envelope):
        session.carried = getattr(session, "carried", 0) + 1
        rule = arguments.reject_data
        if rule and f"Subject: {rule.partition('=')[0]}\r\n".encode() in envelope.content:
            return rule.partition("=")[2]
        self.count += 1
        name = arguments.spool / str(self.count)
        name.with_suffix(".eml").write_bytes(envelope.content)
        record = {
            "mail_from": envelope.mail_from,
            "mail_options": envelope.mail_options,
            "rcpt_tos": envelope.rcpt_tos,
            "encrypted": session.ssl is not None or arguments.tls == "implicit",
            "user": session.auth_data.login.decode() if session.auth_data else None,
        }
        name.with_suffix(".json").write_text(json.dumps(record), encoding="utf-8")
        event("accepted")
        if self.dropped < arguments.drop_after_data:
            self.dropped += 1
            server.transport.abort()
        if self.hung < arguments.hang_after_data:
            self.hung += 1
            await asyncio.sleep(3600)
        return "250 2.0.0 taken"


def authenticate(server, session, envelope, mechanism, data):
    if isinstance(data, LoginPassword):
        given = f"{data.login.decode()}:{data.password.decode()}"
        good = given == arguments.login
        # Not handled: aiosmtpd shall reply with 535 by itself.
        return AuthResult(success=good, handled=good, auth_data=data)
    return AuthResult(success=False, handled=False)


async def main():
    context = None
    if arguments.tls != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.cert, arguments.key)
    handler = Handler()

    def protocol():
        return Server(
            handler,
            hostname="localhost",
            data_size_limit=arguments.max_size,
            tls_context=context if arguments.tls == "starttls" else None,
            require_starttls=arguments.tls == "starttls",
            authenticator=authenticate if arguments.login else None,
            auth_required=bool(arguments.login),
            auth_require_tls=arguments.tls == "starttls",
            loop=loop,
        )

    loop = asyncio.get_running_loop()
    implicit = context if arguments.tls == "implicit" else None
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=implicit)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


arguments.spool.mkdir(parents=True, exist_ok=True)
asyncio.run(main())
sys.stdout.flush()
# Connections that still hang are of no interest.
os._exit(0)
