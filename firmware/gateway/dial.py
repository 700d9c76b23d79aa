"""One TCP connection, with or without TLS, that never blocks once the name is looked up."""

import select
import socket

# Not there yet, as Linux, lwIP and macOS number it (EAGAIN; EINPROGRESS; EALREADY).
NOT_YET = (11, 35, 36, 37, 114, 115, 119, 120)
# mbedtls, told to wait, must be given the same bytes again: it answers for the record it has made,
# not for what it is offered then. Pieces below a record's 4096 B are taken whole or not at all.
_TLS_PIECE = 1024
_FAILED = select.POLLERR | select.POLLHUP


class Conn:
    """`tls`: None, or {"ca": [DER, …], "cert": DER, "key": DER}; the host's name is checked
    always.
    """

    def __init__(self, host, port, tls=None):
        """Look the name up (that may take as long as the resolver likes) and begin to connect."""
        # Anew at each connect: a broker may have moved.
        try:
            address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0][-1]
        except OSError as error:
            raise OSError("no address for %s (%s)" % (host, error))
        self._owed = 0
        self._spoken = False
        self._sock = socket.socket()
        self._sock.setblocking(False)
        self._host = host
        self._tls = tls
        self._stream = None
        self._poll = select.poll()
        self._poll.register(self._sock, select.POLLOUT)
        try:
            self._sock.connect(address)
        except OSError as error:
            if error.errno not in NOT_YET:
                self.close()
                raise

    def ready(self):
        """Return whether bytes can be written; OSError when the other side refuses."""
        if self._stream is not None:
            return True
        for _, event in self._poll.poll(0):
            if event & _FAILED:
                raise OSError("connection refused")
            self._poll.modify(self._sock, select.POLLIN)
            try:
                self._stream = self._sock if self._tls is None else self._wrap()
            except (ValueError, TypeError, KeyError) as error:
                raise _untrusted(error)
            return True
        return False

    def _wrap(self):
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.verify_mode = ssl.CERT_REQUIRED
        for authority in self._tls.get("ca", ()):
            context.load_verify_locations(cadata=authority)
        if self._tls.get("cert"):
            context.load_cert_chain(self._tls["cert"], self._tls["key"])
        # The handshake goes on with the first reads and writes.
        return context.wrap_socket(
            self._sock, server_hostname=self._host, do_handshake_on_connect=False
        )

    def readinto(self, buf):
        """Return how many bytes came into `buf`, None when there are none yet, 0 when the other
        side has closed.
        """
        try:
            if self._tls is None:
                return self._receive(buf)
            count = self._stream.readinto(buf)
            self._spoken = self._spoken or bool(count)
            return count
        except OSError as error:
            return self._excuse(error)
        except ValueError as error:
            raise _untrusted(error)

    def _receive(self, buf):
        # Asked first, as `recv` would take memory for nothing. `readinto` goes on until it is full:
        # what a broker says before it resets the connection would be lost.
        for _ in self._poll.ipoll(0):
            data = self._stream.recv(len(buf))
            buf[: len(data)] = data
            return len(data)
        return None

    def write(self, data):
        """Return how many bytes were taken, None when none can be now."""
        try:
            if self._tls is None:
                return self._stream.send(data)
            piece = data[: self._owed or _TLS_PIECE]
            taken = self._stream.write(piece)
            self._owed = 0 if taken else len(piece)
            return taken
        except OSError as error:
            return self._excuse(error)
        except ValueError as error:
            raise _untrusted(error)

    def _excuse(self, error):
        """Return None when it is only not yet time; else raise `error`, for people to read."""
        if error.errno in NOT_YET:
            return None
        if self._tls is None:
            raise error
        # mbedtls gives a number of its own and its name.
        text = str(error) if len(error.args) < 2 else error.args[1]
        if not self._spoken:
            text = "no handshake (%s)" % text
        raise OSError("TLS: " + text)

    def close(self):
        stream = self._stream or self._sock
        stream.close()


def _untrusted(error):
    """Return what the uplink can say: MicroPython has a ValueError for a bad certificate, and what
    stands in a configuration may be no certificate at all.
    """
    return OSError("TLS: %s" % " ".join(str(error).split()))
