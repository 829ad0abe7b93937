"""No GPU: g++ compiles CUDA source for the CPU, which runs one block after another, with CuPy's interface to raw kernels.

It replaces ``cupy.RawModule`` in tests, on arrays in host memory. It shows whether a kernel computes the right numbers; its
speed means nothing. It is stricter than a device: the threads of a block run one at a time, each up to the next
``__syncthreads()``, in a chosen order (``order``), so a missing barrier gives a wrong result in some order; shared memory is
filled with NaN before each block, and writes past its end are detected; the number and types of arguments are checked.
"""

import ctypes
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np

COMPILER = shutil.which("g++")
DEFAULT_SHARED = 48 * 1024  # bytes of shared memory per block, unless a kernel raises its limit
MAX_SHARED = 227 * 1024  # bytes, the highest limit
ORDERS = {"first to last": 0, "last to first": 1, "shuffled": 2}  # of the threads between two barriers

_order = ["first to last"]
_folder = tempfile.TemporaryDirectory(prefix="cuda_emulator_")


def address_of(array):
    """The address of an array's first element."""
    return array.ctypes.data


@contextmanager
def order(name):
    """Run the threads of a block in one of ``ORDERS``."""
    before, _order[0] = _order[0], name
    try:
        yield
    finally:
        _order[0] = before


class Device:
    """The attributes of ``cupy.cuda.Device`` that the library reads."""

    def __init__(self, device=0):
        self.id = device
        self.attributes = {"MaxSharedMemoryPerBlockOptin": MAX_SHARED}


class RawModule:
    """CUDA source whose kernels are declared ``extern "C"``."""

    def __init__(self, *, code, options=()):
        self.code, self.options = code, tuple(options)

    def get_function(self, name):
        return RawKernel(_compile(self.code, self.options), name)


class RawKernel:
    """One kernel, with CuPy's call: ``kernel(grid, block, arguments, shared_mem=bytes)``."""

    def __init__(self, library, name):
        self.name, self.max_dynamic_shared_size_bytes = name, DEFAULT_SHARED
        self._launch = getattr(library, f"launch_{name}")
        kinds = ctypes.create_string_buffer(256)
        getattr(library, f"kinds_{name}")(kinds)
        self.parameters = kinds.value.decode().split()  # "*f": a pointer to float

    def __call__(self, grid, block, args, *, shared_mem=0):
        if len(args) != len(self.parameters):
            raise TypeError(f"{self.name} takes {len(self.parameters)} arguments, got {len(args)}")
        if shared_mem > min(self.max_dynamic_shared_size_bytes, MAX_SHARED):
            raise ValueError(
                f"shared_mem is {shared_mem} bytes, the kernel's limit {self.max_dynamic_shared_size_bytes}"
            )
        if not 0 < np.prod(block) <= 1024:
            raise ValueError(f"a block has 1 to 1024 threads, got {block}")
        values = [self._value(i, argument) for i, argument in enumerate(args)]
        places = (ctypes.c_void_p * len(values))(*[ctypes.addressof(value) for value in values])
        sizes = (ctypes.c_int * 7)(*(*grid, 1, 1)[:3], *(*block, 1, 1)[:3], shared_mem)
        if error := self._launch(sizes, ORDERS[_order[0]], places):
            raise RuntimeError(f"{self.name}: {ctypes.c_char_p(error).value.decode()}")

    def _value(self, i, argument):
        """The argument's bytes for the kernel; numbers must be NumPy scalars of exactly the parameter's type."""
        kind = self.parameters[i]
        null = isinstance(argument, np.intp) and argument == 0
        if kind[0] == "*":
            if not null and argument.dtype.char != kind[1]:
                raise TypeError(f"argument {i} of {self.name} is {argument.dtype}, the kernel takes {kind}")
            return ctypes.c_void_p(0 if null else address_of(argument))
        if not isinstance(argument, np.generic) or np.dtype(kind) != argument.dtype:
            raise TypeError(f"argument {i} of {self.name} is {argument!r}, the kernel takes {kind}")
        return (ctypes.c_char * argument.nbytes).from_buffer_copy(argument.tobytes())


@cache
def _compile(code, options):
    names = re.findall(r'extern "C" __global__ void (?:__launch_bounds__\(\w+\) )?(\w+)\(', code)
    path = Path(_folder.name) / f"{len(list(Path(_folder.name).iterdir()))}.so"
    source = path.with_suffix(".cpp")
    source.write_text(BEFORE + code + AFTER + "".join(EACH.replace("NAME", name) for name in names), encoding="utf-8")
    command = [COMPILER, "-std=c++17", "-O1", "-shared", "-fPIC", "-Wno-unknown-pragmas", *options, "-o", path, source]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    library = ctypes.CDLL(str(path))
    for name in names:
        getattr(library, f"launch_{name}").restype = ctypes.c_void_p
    return library


# CUDA's additions to C++. Each thread of a block is a coroutine; a barrier returns control to the scheduler.
BEFORE = """
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <algorithm>
#include <random>
#include <tuple>
#include <utility>
#include <vector>
#define __global__
#define __device__
#define __shared__
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __launch_bounds__(threads)
namespace emulator {
struct Index { int x, y, z; };
ucontext_t scheduler;
std::vector<ucontext_t> contexts;
std::vector<char> over;
int current;
void barrier() { swapcontext(&contexts[current], &scheduler); }
}
static emulator::Index threadIdx, blockIdx, blockDim, gridDim;
static void __syncthreads() { emulator::barrier(); }
#line 1 "kernel.cu"
"""

AFTER = """
namespace emulator { const int MAX_SHARED = 227 * 1024, GUARD = 4096; }
REAL shared[(emulator::MAX_SHARED + emulator::GUARD) / sizeof(REAL)] __attribute__((aligned(16)));
namespace emulator {
void (*body)(void**);
void** arguments;
const int STACK = 64 * 1024;

void thread() {
    body(arguments);
    over[current] = 1;
}

template <class... A, size_t... i>
void call_with(void (*kernel)(A...), void** places, std::index_sequence<i...>) { kernel(*(A*)places[i]...); }
template <class... A>
void call(void (*kernel)(A...), void** places) { call_with(kernel, places, std::index_sequence_for<A...>()); }

template <class A> struct Kind;
template <> struct Kind<float> { static constexpr const char* name = "f"; };
template <> struct Kind<double> { static constexpr const char* name = "d"; };
template <> struct Kind<bool> { static constexpr const char* name = "?"; };
template <> struct Kind<int> { static constexpr const char* name = "i"; };
template <> struct Kind<long long> { static constexpr const char* name = "q"; };
template <class A>
void add_kind(char* text) {
    if (std::is_pointer<A>()) strcat(text, "*");
    strcat(text, Kind<std::remove_const_t<std::remove_pointer_t<A>>>::name);
    strcat(text, " ");
}
template <class... A>
void kinds(void (*kernel)(A...), char* text) { (add_kind<A>(text), ...); }

const char* run_block(int order, std::mt19937& random, std::vector<char>& stacks) {
    const int count = blockDim.x * blockDim.y * blockDim.z;
    std::vector<int> turns(count);
    for (int t = 0; t < count; t++) {
        turns[t] = order == 1 ? count - 1 - t : t;
        getcontext(&contexts[t]);
        contexts[t].uc_stack.ss_sp = &stacks[(size_t)t * STACK];
        contexts[t].uc_stack.ss_size = STACK;
        contexts[t].uc_link = &scheduler;
        makecontext(&contexts[t], thread, 0);
        over[t] = 0;
    }
    for (int finished = 0; finished < count;) {
        if (order == 2) std::shuffle(turns.begin(), turns.end(), random);
        for (int t : turns) {
            current = t;
            threadIdx = {t % blockDim.x, t / blockDim.x % blockDim.y, t / blockDim.x / blockDim.y};
            swapcontext(&scheduler, &contexts[t]);
        }
        finished = std::count(over.begin(), over.begin() + count, 1);
        if (finished && finished < count) return "some threads of a block wait at a barrier that other threads never reach";
    }
    return nullptr;
}

const char* launch(const int* sizes, int order) {
    gridDim = {sizes[0], sizes[1], sizes[2]};
    blockDim = {sizes[3], sizes[4], sizes[5]};
    const int count = blockDim.x * blockDim.y * blockDim.z;
    std::vector<char> stacks((size_t)count * STACK);
    contexts.resize(count);
    over.resize(count);
    std::mt19937 random(1);
    for (int b = 0; b < gridDim.x * gridDim.y * gridDim.z; b++) {
        memset(shared, 0xff, sizes[6] + GUARD);  // NaN
        blockIdx = {b % gridDim.x, b / gridDim.x % gridDim.y, b / gridDim.x / gridDim.y};
        if (const char* error = run_block(order, random, stacks)) return error;
        for (int i = 0; i < GUARD; i++) {
            if (((unsigned char*)shared)[sizes[6] + i] != 0xff) return "wrote past the end of shared memory";
        }
    }
    return nullptr;
}
}
"""

EACH = """
extern "C" const char* launch_NAME(const int* sizes, int order, void** places) {
    emulator::arguments = places;
    emulator::body = [](void** places) { emulator::call(NAME, places); };
    return emulator::launch(sizes, order);
}
extern "C" void kinds_NAME(char* text) { emulator::kinds(NAME, text); }
"""
