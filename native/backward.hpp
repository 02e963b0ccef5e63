// The backward pass of one shard: the recursion of backpropagation through time, the weight gradients
// summed up chunk by chunk. Included once for each instruction set, after forward.hpp.

template <typename T> void prepare_backward(const Layout<T>& layout, T* shared) {
    const Call<T>& call = layout.call;
    const int64_t H = layout.H, I = layout.I;
    Carver<T> carve{shared};
    T* U = carve.take(layout.packed_U());
    T* W = carve.take(layout.plan.input_gates * H * layout.NI);
    for (int64_t g = 0; g < layout.plan.recurrent_gate_count; ++g)
        pack(H, H, call.U + g * H * H, H, 1, U + g * H * layout.N);
    if (call.wants_dx)
        for (int64_t g = 0; g < layout.plan.input_gates; ++g)
            pack(H, I, call.W + g * H * I, I, 1, W + g * H * layout.NI);
}

// The sums of one shard, units along the row.
template <typename T> struct Sums {
    T *W, *U, *b, *c, *units;  // [gates][I][N], [gates][H][N], [gates][N], [gates][N], [units][N]
    Sums(const Layout<T>& layout, T* own) {
        Carver<T> carve{own};
        W = carve.take(layout.plan.input_gates * layout.I * layout.N);
        U = carve.take(layout.plan.recurrent_gate_count * layout.H * layout.N);
        b = carve.take(layout.plan.input_gates * layout.N);
        c = carve.take(layout.plan.recurrent_gate_count * layout.N);
        units = carve.take(layout.plan.units * layout.N);
    }
};

template <typename T> struct Backward {
    const Layout<T>& layout;
    const Call<T>& call;
    const Plan& plan;
    Rows rows;
    int64_t shard, plane, pending = 0;
    const T *U, *W;
    Sums<T> sums;
    T *x, *h, *dx, *da, *du, *delta, *passed, *start, *units, *d_units, *scratch;

    Backward(const Layout<T>& with, int64_t of, Rows which, const T* shared, T* own)
        : layout(with), call(with.call), plan(with.plan), rows(which), shard(of), sums(with, own) {
        plane = layout.plane();
        U = shared;
        W = U + layout.packed_U();
        zero_row(own, layout.sums());
        Carver<T> carve{own + layout.sums()};
        x = carve.take(layout.chunk_rows() * layout.NI);
        h = carve.take(layout.chunk_rows() * layout.H);
        dx = carve.take(layout.chunk_rows() * layout.NI);
        da = carve.take(layout.chunk_rows() * plan.input_gates * layout.L);
        du = carve.take(layout.chunk_rows() * plan.recurrent_gate_count * layout.L);
        delta = carve.take(plan.states * plane);
        passed = carve.take(plan.states * plane);
        start = carve.take(plan.states * plane);
        units = carve.take(plan.units * plane);
        d_units = carve.take(plan.units * plane);
        scratch = carve.take(scratch_size<T>(plan.adjoint));
    }

    int64_t step_at(int64_t place) const { return call.reverse ? call.steps - 1 - place : place; }
    const T* states_after(int64_t place) const {
        return place < 0 ? start : layout.slot_of(shard, step_at(place));
    }
    T* da_of(int64_t g, int64_t m) { return da + (g * layout.chunk_rows() + m) * layout.L; }
    // The gradient at `U h + c`: the same plane as that at `W x + b` where only their sum is used.
    T* du_of(int64_t g, int64_t m) {
        const int64_t into = plan.recurrent_gates[g].into_input;
        return into >= 0 ? da_of(into, m) : du + (g * layout.chunk_rows() + m) * layout.L;
    }

    void spread() {
        fill_constants(plan.adjoint, scratch);
        for (int64_t u = 0; u < plan.units; ++u)
            for (int64_t r = 0; r < rows.count; ++r)
                copy_row(units + u * plane + r * layout.L, call.units[u], layout.H);
        for (int64_t s = 0; s < plan.states; ++s)
            for (int64_t r = 0; r < rows.count; ++r) {
                const int64_t from = rows.index[r] * layout.H, to = s * plane + r * layout.L;
                copy_row(start + to, call.start[s] + from, layout.H);
                if (call.dfinal[s]) copy_row(delta + to, call.dfinal[s] + from, layout.H);
                else zero_row(delta + to, layout.H);
            }
    }

    void step(int64_t place, int64_t n) {
        const int64_t t = step_at(place), L = layout.L, H = layout.H;
        const T* before = states_after(place - 1);
        const T* kept = layout.slot_of(shard, t) + plan.states * plane;
        for (int64_t r = 0; call.dy && r < n; ++r) {  // the explicit part of dE/dS_t
            const T* dy = call.dy + (t * call.rows + rows.index[r]) * H;
            for (int64_t j = 0; j < H; ++j) delta[r * L + j] += dy[j];
        }
        const T* inputs[most_planes];
        T* outputs[most_planes];
        bool is_passed[most_planes] = {}, is_used[most_planes] = {};
        for (int32_t i = 0; i < plan.adjoint.input_count; ++i) {
            const Place p = plan.adjoint_inputs[i];
            inputs[i] = (p.plane == Plane::state  ? before
                         : p.plane == Plane::kept ? kept
                         : p.plane == Plane::unit ? units
                                                  : delta) + p.number * plane;
        }
        for (int32_t i = 0; i < plan.adjoint.output_count; ++i) {
            const Place p = plan.adjoint_outputs[i];
            outputs[i] = p.plane == Plane::d_input_product       ? da_of(p.number, pending)
                         : p.plane == Plane::d_recurrent_product ? du_of(p.number, pending)
                         : p.plane == Plane::d_state             ? passed + p.number * plane
                                                                 : d_units + p.number * plane;
            if (p.plane == Plane::d_state) is_passed[p.number] = true;
            if (p.plane == Plane::d_unit) is_used[p.number] = true;
        }
        interpret(plan.adjoint, n * L, inputs, outputs, scratch);
        for (int64_t s = 0; s < plan.states; ++s) {
            if (!is_passed[s]) zero_row(passed + s * plane, n * L);
            for (int64_t r = n; r < rows.count; ++r)  // rows that are not valid here
                copy_row(passed + s * plane + r * L, delta + s * plane + r * L, L);
        }
        for (int64_t g = 0; g < plan.recurrent_gate_count; ++g)  // the implicit part
            product(n, layout.N, H, du_of(g, pending), L, 1, U + g * H * layout.N, 0, passed, L,
                    Begin::add);
        T* swap = delta;
        delta = passed;
        passed = swap;

        for (int64_t u = 0; u < plan.units; ++u)
            for (int64_t r = 0; is_used[u] && r < n; ++r)
                for (int64_t j = 0; j < H; ++j)
                    sums.units[u * layout.N + j] += d_units[u * plane + r * L + j];
        for (int64_t r = 0; r < n; ++r) {
            if (call.dW)
                copy_row(x + (pending + r) * layout.I,
                         call.x + (t * call.rows + rows.index[r]) * layout.I, layout.I);
            if (call.dU) copy_row(h + (pending + r) * H, before + r * L, H);
        }
        pending += n;
    }

    // Adds what the steps of a chunk have to say of the weights, while it is still in the cache, and
    // writes the gradient of their inputs. The chunk ends with the step at a place.
    void flush(int64_t place) {
        const int64_t H = layout.H, I = layout.I, N = layout.N, L = layout.L;
        for (int64_t g = 0; g < plan.input_gates; ++g) {
            if (call.dW)
                product(I, N, pending, x, 1, I, da_of(g, 0), L, sums.W + g * I * N, N, Begin::add);
            if (call.db) add_rows(da_of(g, 0), sums.b + g * N);
            if (call.dx)
                product(pending, layout.NI, H, da_of(g, 0), L, 1, W + g * H * layout.NI, 0, dx,
                        layout.NI, g ? Begin::add : Begin::zero);
        }
        for (int64_t g = 0; g < plan.recurrent_gate_count; ++g) {
            if (call.dU)
                product(H, N, pending, h, 1, H, du_of(g, 0), L, sums.U + g * H * N, N, Begin::add);
            if (call.dc) add_rows(du_of(g, 0), sums.c + g * N);
        }
        // The rows of the chunk stand in the order in which the steps were gone through: backward.
        for (int64_t m = pending; call.dx && m > 0; ++place) {
            const int64_t t = step_at(place), n = rows.active(t);
            m -= n;
            for (int64_t r = 0; r < n; ++r)
                copy_row(call.dx + (t * call.rows + rows.index[r]) * I, dx + (m + r) * layout.NI, I);
        }
        pending = 0;
    }

    void add_rows(const T* from, T* to) {
        for (int64_t m = 0; m < pending; ++m)
            for (int64_t j = 0; j < layout.N; j += width<T>)
                store(to + j, load(to + j) + load(from + m * layout.L + j));
    }

    void run() {
        spread();
        for (int64_t place = call.steps - 1; place >= 0; --place) {
            const int64_t n = rows.active(step_at(place));
            step(place, n);
            if (pending >= layout.chunk || place == 0) flush(place);
        }
        for (int64_t s = 0; s < plan.states; ++s)
            for (int64_t r = 0; call.dstart[s] && r < rows.count; ++r)
                copy_row(call.dstart[s] + rows.index[r] * layout.H,
                         delta + s * plane + r * layout.L, layout.H);
    }
};

// Adds up the shards' sums, in their order, for one gate (input gates, then recurrent ones, then the
// learnable vectors), and turns them the way the weights lie.
template <typename T>
void reduce(const Layout<T>& layout, int64_t piece, T* own, int64_t own_size) {
    const Call<T>& call = layout.call;
    const Plan& plan = layout.plan;
    const int64_t H = layout.H, N = layout.N;
    auto add_up = [&](int64_t offset, int64_t count, T* to, int64_t by_row, int64_t by_unit) {
        for (int64_t i = 0; to && i < count; ++i)
            for (int64_t j = 0; j < H; ++j) {
                T sum = T(0);
                for (int64_t s = 0; s < layout.shards; ++s)
                    sum += own[s * own_size + offset + i * N + j];
                to[i * by_row + j * by_unit] = sum;
            }
    };
    const Sums<T> sums(layout, own);
    if (piece < plan.input_gates) {
        const int64_t g = piece, I = layout.I;
        add_up(sums.W - own + g * I * N, I, call.dW ? call.dW + g * H * I : nullptr, 1, I);
        add_up(sums.b - own + g * N, 1, call.db ? call.db + g * H : nullptr, 0, 1);
        return;
    }
    piece -= plan.input_gates;
    if (piece < plan.recurrent_gate_count) {
        const int64_t g = piece;
        add_up(sums.U - own + g * H * N, H, call.dU ? call.dU + g * H * H : nullptr, 1, H);
        add_up(sums.c - own + g * N, 1, call.dc ? call.dc + g * H : nullptr, 0, 1);
        return;
    }
    piece -= plan.recurrent_gate_count;
    add_up(sums.units - own + piece * N, 1, call.dunits[piece], 0, 1);
}
