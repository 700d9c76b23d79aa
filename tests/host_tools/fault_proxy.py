"""A TCP proxy that does to a connection what networks do."""

import queue
import socket
import threading
import time


class FaultProxy:
    """Between a node and a broker on 127.0.0.1; a context.

    `delay_s` each way; `piece` bytes at most are passed on at once; `rate`: bytes a second each
    way, 0 for any; `cuts`: the connections, one after the other, end after so many bytes from the
    node; `frozen`: nothing passes, nothing ends.
    """

    def __init__(self, port, delay_s=0.0, piece=65536, cuts=()):
        self.target = port
        self.delay_s = delay_s
        self.piece = piece
        self.rate = 0
        self.cuts = list(cuts)
        self.frozen = False
        self.connections = self.refused = 0
        self._sockets = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        for one in [self._listener, *self._sockets]:
            _end(one)

    def drop(self):
        """End every connection there is."""
        for one in self._sockets:
            _end(one)
        self._sockets = []

    def mend(self):
        """Be a good connection from now on."""
        self.delay_s, self.piece, self.rate, self.cuts, self.frozen = 0.0, 65536, 0, [], False

    def _accept(self):
        while True:
            try:
                node, _ = self._listener.accept()
            except OSError:
                return
            try:
                broker = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                # Refused, as far as the node can see.
                self.refused += 1
                _end(node)
                continue
            self.connections += 1
            self._sockets += [node, broker]
            for one in (node, broker):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            cut = self.cuts.pop(0) if self.cuts else None
            self._start(node, broker, cut)
            self._start(broker, node, None)

    def _start(self, source, sink, cut):
        waiting = queue.Queue()
        for work, last in ((self._read, cut), (self._write, source)):
            arguments = (source if work == self._read else sink, waiting, last)
            threading.Thread(target=work, args=arguments, daemon=True).start()

    def _read(self, source, waiting, cut):
        passed = 0
        while True:
            try:
                # At a low rate in pieces of 10 ms, so that it is even.
                data = source.recv(min(self.piece, self.rate // 100 or self.piece))
            except OSError:
                data = b""
            if cut is not None and passed + len(data) >= cut:
                waiting.put((0, data[: cut - passed]))
                data = b""
            passed += len(data)
            waiting.put((time.monotonic() + self.delay_s, data))
            if not data:
                return

    def _write(self, sink, waiting, source):
        while True:
            due, data = waiting.get()
            time.sleep(max(0, due - time.monotonic()))
            while self.frozen:
                time.sleep(0.01)
            try:
                if data:
                    sink.sendall(data)
                    time.sleep(len(data) / self.rate if self.rate else 0)
                    continue
            except OSError:
                pass
            _end(sink)
            _end(source)
            return


def _end(one):
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    one.close()
