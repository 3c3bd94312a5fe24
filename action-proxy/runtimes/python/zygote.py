"""A warmed interpreter of one namespace: each child is a sandbox of its own, and shares what was imported.

`python zygote.py FD [MODULE...]`: FD is a SOCK_SEQPACKET socket to the agent, one JSON object a packet. The modules are
imported before the first child. From the agent:

    {"fork": ID, "streams": N, "threaded": bool, "memory": BYTES or 0, "env": {...}}
        with descriptors: hello, stdout, stderr, N streams that carry /init and /run. The child sends one byte over
        hello, with its credentials, and waits for one back before anything of the function's arrives.
    {"kill": ID}

To the agent: {"ready": [modules imported]}, {"ended": ID, "code": exit code, negative for a signal}. The end of FD is
its own.
"""

import array
import gc
import importlib
import json
import os
import resource
import select
import shutil
import signal
import socket
import sys

MOST_FDS = 64
PACKET = 1 << 20


class Zygote:
    def __init__(self, control):
        self.control = control
        self.children = {}  # pid: id

    def warm(self, modules):
        """Imports what it can. A module that starts threads would leave its locks to children: then none is."""
        imported = []
        for name in modules:
            try:
                importlib.import_module(name)
                imported.append(name)
            except BaseException:  # noqa: S112 -- the function that wants it gets the error in its own import
                continue
        if len(os.listdir("/proc/self/task")) > 1:
            again = sys.orig_argv[1 : len(sys.orig_argv) - len(modules)]
            os.execv(sys.executable, [sys.executable, *again])  # noqa: S606
        gc.collect()
        gc.freeze()  # a collection in a child would write to all that it shares
        self.tell({"ready": imported})

    def tell(self, message):
        self.control.send(json.dumps(message).encode())

    def serve(self):
        """Returns in a child, with what it was asked for; None at the end of the agent."""
        wake, waker = os.pipe()
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        while True:
            ready, _, _ = select.select([self.control, wake], [], [])
            if wake in ready:
                os.read(wake, 4096)
                self.reap()
            if self.control in ready:
                message, descriptors = self.receive()
                if message is None:
                    return None
                if "kill" in message:
                    self.kill(message["kill"])
                elif self.fork(message, descriptors):
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    os.close(wake)
                    os.close(waker)
                    return message, descriptors

    def receive(self):
        space = socket.CMSG_SPACE(MOST_FDS * array.array("i").itemsize)
        data, ancillary, _, _ = self.control.recvmsg(PACKET, space)
        descriptors = array.array("i")
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
        return (json.loads(data) if data else None), list(descriptors)

    def fork(self, message, descriptors):
        pid = os.fork()
        if pid == 0:
            return True
        self.children[pid] = message["fork"]
        for descriptor in descriptors:
            os.close(descriptor)
        return False

    def kill(self, identity):
        for pid, known in self.children.items():
            if known == identity:
                for end in (os.killpg, os.kill):
                    try:
                        end(pid, signal.SIGKILL)
                    except (ProcessLookupError, PermissionError):
                        continue

    def reap(self):
        while self.children:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            identity = self.children.pop(pid, None)
            if identity is not None:
                shutil.rmtree(folder_of(identity), ignore_errors=True)
                self.tell({"ended": identity, "code": os.waitstatus_to_exitcode(status)})


def folder_of(identity):
    return f"/tmp/{identity}"  # noqa: S108 -- the sandbox's own


def become(message, descriptors):
    """Turns a child into the sandbox; returns the streams to serve."""
    hello, out, err, *streams = descriptors
    entrances = [streams.pop() for _ in range(message["entrances"])]
    os.setsid()
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.close(out)
    os.close(err)
    for entrance in entrances:
        os.write(entrance, b"0")  # into its control group, before anything of the function's is here
        os.close(entrance)
    with socket.socket(fileno=hello) as greeting:
        greeting.send(b"!")
    if message["memory"]:
        resource.setrlimit(resource.RLIMIT_DATA, (message["memory"], message["memory"]))
    folder = folder_of(message["fork"])
    os.mkdir(folder, 0o700)
    os.chdir(folder)
    os.environ.update(message["env"], HOME=folder, TMPDIR=folder, ARGO_WORK=folder)
    reseed()
    return [socket.socket(fileno=descriptor) for descriptor in streams]


def reseed():
    """`random` does it by itself after a fork."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()


def main():
    control = socket.socket(fileno=int(sys.argv[1]))
    zygote = Zygote(control)
    from argo_launcher import launcher, python_action  # its imports belong to what children share

    sys.path.pop(0)  # the launcher's own folder: an action's imports must not find it
    zygote.warm(sys.argv[2:])
    asked = zygote.serve()
    if asked is None:
        return
    message, descriptors = asked
    control.close()
    streams = become(message, descriptors)
    threaded = message["threaded"]
    launcher.start(python_action.PythonAction(threaded=threaded), threaded=threaded, streams=streams)


if __name__ == "__main__":
    main()
