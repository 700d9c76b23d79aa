"""Names that every interpreter knows: what is called by one of them needs no memory for its name.

They stand in the tables that are built into MicroPython, in flash on a chip, because its own
modules use them; all others go to the heap. Each is in the stock images from 1.24 on, in the unix
and in the WebAssembly port (a test asks them). In one that does without, a name costs what any
costs. What they mean to the interpreter does not matter: only those are taken that no file of the
device says (names.py). `throw` is left out: whoever awaits something asks for that.
"""

_TEXT = """
abs_tol acos acosh acquire appendleft ascii asin asinh atan atan2 atanh attr aw bin blit buffering
builtins bytecode byteorder bytes_at calcsize cancel ceil center chdir chr closure cmath compile
copysign core coro cos cosh cur_task deflate deleter deque dest dict_view disable discard doc done
dt dump ellipse enable encoding endswith er erf erfc errorcode eval exc exc_type exec execfile
expm1 fabs factorial fileno fill fill_rect filter floor flush fmod framebuf frexp fromhex fromkeys
frozenset funcs gamma getcwd getter getvalue globals group hash heapify help hline ilistdir imag
indices inf insert invert io ipoll is_set isalpha isclose isdisjoint isenabled isfinite isinf
islower isnan isspace issubclass issubset issuperset isupper iterable iterator kbd_intr keepends
ldexp lgamma libc_ver locals localtime locked log10 log2 lower match maxsize md5 message mkdir mkfs
mktime modf modify module mtime namedtuple nan newline oct opt_level ord partition path pend_throw
ph_key pixel polar poly popleft pow property ps1 ps2 qstr_info queue_read radians randint randrange
readline readlines readonly real rect rel_tol repr req reverse reversed rfind rmdir round
rpartition rsplit rstrip schedule scroll search seek sep separators setattr setdefault setter
sgen sin sinh sizeof sleep_us slice splitlines stack_use stat statvfs stderr sub sync tan tanh tau
tb ticks_cpu trunc umount unhexlify uniform union unlink upper usys val vfs vline wait_for waiter
"""
KNOWN = _TEXT.split()
