// The scan of one dilated layer as two kernels, each launched once for all time steps: scan.py on the device.
//
// Columns of the folded batch are independent, so each block of threads runs R of them through the whole sequence. Thread (r, j)
// owns unit j of column r: it computes all gates of its unit and keeps its state in registers. The other units of the column read
// h (forward) and da (backward) from shared memory, which has two buffers: a step writes one while slow threads still read the
// other, so one barrier per step suffices. Products that do not depend on the previous step remain large matrix products outside:
// W_x x + b before forward, dx and dW after backward.
//
// persistent.py defines these macros:
//   H            hidden units
//   REAL         float or double
//   RNN, LSTM or GRU
//   THREADS      the largest number of threads per block
//   PITCH        distance of rows in shared memory: an odd multiple of 16 bytes, so that reads of 8 rows at once have no conflicts
//   IN_REGISTERS whether a thread holds the weights of its unit in registers; otherwise the block has all of them in shared memory

struct State { REAL h, c; };  // c is the LSTM's; the compiler removes it for other cells

__device__ REAL sigmoid(REAL a) { return tanh(a * REAL(0.5)) * REAL(0.5) + REAL(0.5); }

// The cells as in cells.py. The pre-activations a are in the order of the cell's arguments: all gates, then the recurrent parts of
// split gates, which are the last gates of the cell. Forward overwrites the first SAVED arrays of a with the values that backward
// needs; backward reads them there and overwrites them with da.

#ifdef RNN
#define GATES 1
#define SPLIT 0
#define SAVED 0

__device__ State cell_forward(REAL* a, State previous) {
    const REAL h = tanh(a[0]);
    return {h, 0};
}

__device__ State cell_backward(REAL* a, State dnew, State previous, State now) {
    a[0] = dnew.h * (1 - now.h * now.h);
    return {0, 0};  // h_prev acts through W_h alone
}
#endif

#ifdef LSTM
#define GATES 4
#define SPLIT 0
#define SAVED 4

__device__ State cell_forward(REAL* a, State previous) {
    const REAL i = sigmoid(a[0]), f = sigmoid(a[1]), g = tanh(a[2]), o = sigmoid(a[3]);
    const REAL c = f * previous.c + i * g;
    const REAL h = o * tanh(c);
    a[0] = i, a[1] = f, a[2] = g, a[3] = o;
    return {h, c};
}

__device__ State cell_backward(REAL* a, State dnew, State previous, State now) {
    const REAL i = a[0], f = a[1], g = a[2], o = a[3];
    const REAL tanh_c = tanh(now.c);
    const REAL do_ = dnew.h * tanh_c;
    const REAL dc = dnew.c + dnew.h * o * (1 - tanh_c * tanh_c);
    const REAL di = dc * g, df = dc * previous.c, dg = dc * i, dc_prev = dc * f;
    a[0] = di * i * (1 - i), a[1] = df * f * (1 - f), a[2] = dg * (1 - g * g), a[3] = do_ * o * (1 - o);
    return {0, dc_prev};
}
#endif

#ifdef GRU
#define GATES 3
#define SPLIT 1
#define SAVED 4

__device__ State cell_forward(REAL* a, State previous) {  // a_r, a_z, a_n, and a_nh: the candidate's recurrent part
    const REAL r = sigmoid(a[0]), z = sigmoid(a[1]), a_n = a[2], a_nh = a[3];
    const REAL n = tanh(a_n + r * a_nh);
    const REAL h = n + z * (previous.h - n);
    a[0] = r, a[1] = z, a[2] = n;
    return {h, 0};
}

__device__ State cell_backward(REAL* a, State dnew, State previous, State now) {
    const REAL r = a[0], z = a[1], n = a[2], a_nh = a[3], dh = dnew.h;
    const REAL dn = dh * (1 - z), dz = dh * (previous.h - n), dh_prev = dh * z;
    const REAL da_n = dn * (1 - n * n);
    const REAL dr = da_n * a_nh, da_nh = da_n * r;
    a[0] = dr * r * (1 - r), a[1] = dz * z * (1 - z), a[2] = da_n, a[3] = da_nh;
    return {dh_prev, 0};
}
#endif

#define ARRAYS (GATES + SPLIT)  // pre-activations
#define RECURRENT(p) ((p) < GATES - SPLIT ? (p) : (p) + SPLIT)  // the pre-activation that the p-th gate of W_h adds to

extern __shared__ __align__(16) REAL shared[];

// The weights of a thread's unit j: w(p, k) is the weight between units j and k in the p-th gate of W_h.
#if IN_REGISTERS
#define WEIGHTS_SHARED 0
struct Weights {
    REAL rows[GATES][H];
    __device__ REAL& operator()(int p, int k) { return rows[p][k]; }
};
#else
#define WEIGHTS_SHARED (GATES * H * PITCH)
struct Weights {
    __device__ REAL& operator()(int p, int k) { return shared[(p * H + threadIdx.y) * PITCH + k]; }
};
#endif

// Read the weights from W_h (GATES*H, H): the rows of unit j for forward, its columns for backward. In shared memory the R threads
// of a unit share the work; the barrier of the first step precedes the first use.
template <bool TRANSPOSED>
__device__ void read_weights(Weights& w, const REAL* W_h) {
    const int j = threadIdx.y;
    const int first = IN_REGISTERS ? 0 : threadIdx.x, stride = IN_REGISTERS ? 1 : blockDim.x;
#pragma unroll
    for (int p = 0; p < GATES; p++) {
#pragma unroll
        for (int k = first; k < H; k += stride) w(p, k) = TRANSPOSED ? W_h[(p * H + k) * H + j] : W_h[(p * H + j) * H + k];
    }
}

// The number of steps of a group of columns, which is that of its first column.
__device__ int number_of_steps(int first, long long columns, int n) {
    return first < columns ? (columns - 1 - first) / n + 1 : 0;
}

// The values that a forward step reads from global memory. They are read one step ahead, while the step before computes.
struct Ahead {
    REAL a[ARRAYS];
    bool runs;  // whether the step changes the state: the column exists, and its sequence has not ended
};

__device__ Ahead read_ahead(const REAL* a, const bool* valid, long long now, long long columns, bool here) {
    Ahead ahead = {};
    if (!here) return ahead;
#pragma unroll
    for (int p = 0; p < GATES; p++) ahead.a[p] = a[(p * H + threadIdx.y) * columns + now];
    ahead.runs = !valid || valid[now];
    return ahead;
}

// W_h (GATES*H, H); b_h (H,) of the split gate, or null.
// a (ARRAYS*H, columns): the first GATES*H rows hold W_x x + b; if keep, a is filled with the values that backward needs. Without
// keep it has only those rows.
// h, c (H, columns + n): column t receives the state before the step of column t, so a step writes its result to column t + n; c is
// null if it is not kept. state_h, state_c (n, H): the state before the sequence, changed to the state after it.
// valid (columns,) or null.
extern "C" __global__ void __launch_bounds__(THREADS) forward(
    const REAL* W_h, const REAL* b_h, REAL* a, REAL* h, REAL* c, REAL* state_h, REAL* state_c, const bool* valid,
    long long columns, int n, bool keep) {
    const int R = blockDim.x, r = threadIdx.x, j = threadIdx.y;
    const long long row = j * (columns + n);
    const REAL b = SPLIT ? b_h[j] : 0;
    REAL* const h_shared = shared + WEIGHTS_SHARED;  // (2, R, PITCH)
    Weights w;
    read_weights<false>(w, W_h);
    int buffer = 0;  // alternates across groups of columns too, so that no thread writes values that another still reads
    for (int first = blockIdx.x * R; first < n; first += gridDim.x * R) {  // the block's groups of R columns
        const int column = first + r;
        const bool there = column < n;
        State state = {0, 0};
        if (there) {
            state.h = h[row + column] = state_h[column * (long long)H + j];
#ifdef LSTM
            state.c = state_c[column * (long long)H + j];
            if (keep) c[row + column] = state.c;
#endif
        }
        h_shared[(buffer * R + r) * PITCH + j] = state.h;
        const int steps = number_of_steps(first, columns, n);
        long long now = column;
        Ahead next = read_ahead(a, valid, now, columns, there && now < columns);
        for (int t = 0; t < steps; t++, now += n) {
            const bool here = there && now < columns;  // the last step may lack the last columns
            Ahead step = next;
            next = read_ahead(a, valid, now + n, columns, there && now + n < columns);
            __syncthreads();
            const REAL* const h_prev = h_shared + (buffer * R + r) * PITCH;  // (H,)
#pragma unroll
            for (int p = GATES; p < ARRAYS; p++) step.a[p] = b;
#pragma unroll
            for (int k = 0; k < H; k++) {
#pragma unroll
                for (int p = 0; p < GATES; p++) step.a[RECURRENT(p)] += w(p, k) * h_prev[k];
            }
            const State computed = cell_forward(step.a, state);
            if (step.runs) state = computed;
            buffer ^= 1;
            h_shared[(buffer * R + r) * PITCH + j] = state.h;
            if (here) {
                h[row + now + n] = state.h;
#ifdef LSTM
                if (keep) c[row + now + n] = state.c;
#endif
#pragma unroll
                for (int p = 0; p < SAVED; p++) {
                    if (keep) a[(p * H + j) * columns + now] = step.a[p];
                }
            }
        }
        if (there) {
            state_h[column * (long long)H + j] = state.h;
#ifdef LSTM
            state_c[column * (long long)H + j] = state.c;
#endif
        }
    }
}

// The values that a backward step reads from global memory. They are read before the matrix product of the step after it, where few
// registers are in use.
struct Behind {
    REAL a[ARRAYS], dh;
    State previous;
    bool runs;
};

__device__ State read_state(const REAL* h, const REAL* c, long long at) {
#ifdef LSTM
    return {h[at], c[at]};
#else
    return {h[at], 0};
#endif
}

__device__ Behind read_behind(const REAL* a, const REAL* h, const REAL* c, const REAL* dh, const bool* valid, int n,
                              long long now, long long columns, bool there) {
    Behind behind = {};
    if (!there) return behind;
    behind.previous = read_state(h, c, threadIdx.y * (columns + n) + now);
    if (now >= columns) return behind;
#pragma unroll
    for (int p = 0; p < SAVED; p++) behind.a[p] = a[(p * H + threadIdx.y) * columns + now];
    behind.dh = dh[threadIdx.y * columns + now];
    behind.runs = !valid || valid[now];
    return behind;
}

// Mirrors forward, last step first. W_h, a, h, c, valid: as forward left them. dh (H, columns): the gradient from above.
// da (ARRAYS*H, columns) is filled. dstate_h, dstate_c (n, H): the gradient of the state after the sequence, changed to that
// of the state before it. output_grads (H, columns) is filled with the whole gradient that reaches each output, or is null.
extern "C" __global__ void __launch_bounds__(THREADS) backward(
    const REAL* W_h, const REAL* a, const REAL* h, const REAL* c, const REAL* dh, REAL* da, REAL* dstate_h, REAL* dstate_c,
    const bool* valid, REAL* output_grads, long long columns, int n) {
    const int R = blockDim.x, r = threadIdx.x, j = threadIdx.y;
    const long long row = j * (columns + n);
    REAL* const da_shared = shared + WEIGHTS_SHARED;  // (2, GATES, R, PITCH)
    Weights w;
    read_weights<true>(w, W_h);
    int buffer = 0;
    for (int first = blockIdx.x * R; first < n; first += gridDim.x * R) {
        const int column = first + r;
        const bool there = column < n;
        State dstate = {0, 0};
        if (there) {
            dstate.h = dstate_h[column * (long long)H + j];
#ifdef LSTM
            dstate.c = dstate_c[column * (long long)H + j];
#endif
        }
        const int steps = number_of_steps(first, columns, n);
        long long now = column + (steps - 1) * (long long)n;
        State state = {0, 0};  // after the step
        Behind next = {};
        if (steps) next = read_behind(a, h, c, dh, valid, n, now, columns, there);
        if (steps && there && now < columns) state = read_state(h, c, row + now + n);
        for (int t = steps - 1; t >= 0; t--, now -= n) {
            Behind step = next;
            const State dnew = {dstate.h + step.dh, dstate.c};
            State dprevious = dnew;  // an ended sequence keeps its state, so its gradient is unchanged
            if (step.runs) dprevious = cell_backward(step.a, dnew, step.previous, state);
            state = step.previous;
#pragma unroll
            for (int p = 0; p < ARRAYS; p++) {
                if (!step.runs) step.a[p] = 0;
            }
#pragma unroll
            for (int p = 0; p < GATES; p++) {
                da_shared[((buffer * GATES + p) * R + r) * PITCH + j] = step.a[RECURRENT(p)];
            }
            if (there && now < columns) {
#pragma unroll
                for (int p = 0; p < ARRAYS; p++) da[(p * H + j) * columns + now] = step.a[p];
                if (output_grads) output_grads[j * columns + now] = step.runs ? dnew.h : 0;
            }
            if (t) next = read_behind(a, h, c, dh, valid, n, now - n, columns, there);
            __syncthreads();
            REAL sums[2] = {};  // of W_h^T da; two independent chains of additions have less latency than one
#pragma unroll
            for (int p = 0; p < GATES; p++) {
                const REAL* const da_p = da_shared + ((buffer * GATES + p) * R + r) * PITCH;  // (H,)
#pragma unroll
                for (int k = 0; k < H; k++) sums[k % 2] += w(p, k) * da_p[k];
            }
            buffer ^= 1;
            dstate = {dprevious.h + (sums[0] + sums[1]), dprevious.c};
        }
        if (there) {
            dstate_h[column * (long long)H + j] = dstate.h;
#ifdef LSTM
            dstate_c[column * (long long)H + j] = dstate.c;
#endif
        }
    }
}
