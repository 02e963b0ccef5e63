// The backward pass of one shard: the recursion of backpropagation through time, the weight gradients
// summed up chunk by chunk. Included once for each instruction set, after forward.hpp.

template <typename T> void prepare_backward(const Layout<T>& layout, T* shared) {
    const Call<T>& call = layout.call;
    const Plan& plan = layout.plan;
    const int64_t H = layout.H, I = layout.I;
    pack<T>({call.U, plan.recurrent_gate_count, H * H, H, H, 1, 0, H, 1}, shared);
    if (call.wants_dx)
        pack<T>({call.W, plan.input_gates, H * I, H, I, 1, 0, I, 1}, shared + layout.packed_U());
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

// Adds up rows into one.
template <typename T>
inline void add_rows(int64_t rows, int64_t columns, const T* from, int64_t row, T* to) {
    for (int64_t j = 0; j < columns; j += width<T>) {
        Vector<T> sum[4] = {load(to + j)};
        for (int64_t m = 0; m < rows; ++m) sum[m % 4] += load(from + m * row + j);
        store(to + j, (sum[0] + sum[1]) + (sum[2] + sum[3]));
    }
}

template <typename T> struct Backward {
    const Layout<T>& layout;
    const Call<T>& call;
    const Plan& plan;
    Rows rows;
    int64_t shard, plane, apart;
    const T *U, *W;
    Sums<T> sums;
    Products<T> products;
    T *x, *h, *dx, *da, *du, *delta, *passed, *start, *units, *d_units, *scratch;
    T *kept_again, *states_again, *scratch_again;

    Backward(const Layout<T>& with, int64_t of, Rows which, T* shared, T* own)
        : layout(with), call(with.call), plan(with.plan), rows(which), shard(of), plane(with.plane()),
          apart(with.chunk_rows() * with.L), U(shared), W(shared + with.packed_U()), sums(with, own),
          products{with, Weights<T>(with, shared + with.shared_backward()), nullptr, nullptr, apart, apart} {
        zero_row(own, layout.sums());
        Carver<T> carve{own + layout.sums()};
        x = carve.take(layout.chunk_rows() * layout.NI);
        h = carve.take(layout.chunk_rows() * layout.H);
        dx = carve.take(layout.chunk_rows() * layout.NI);
        da = carve.take(plan.input_gates * apart);
        du = carve.take(plan.recurrent_gate_count * apart);
        delta = carve.take(plan.states * plane);
        passed = carve.take(plan.states * plane);
        start = carve.take(plan.states * plane);
        units = carve.take(plan.units * plane);
        d_units = carve.take(plan.units * plane);
        scratch = carve.take(scratch_size<T>(plan.adjoint, layout.L));
        if (!layout.again) return;
        products.wx = carve.take(plan.input_gates * apart);
        products.uh = carve.take(plan.recurrent_gate_count * apart);
        kept_again = carve.take(layout.kept() * apart);
        states_again = carve.take(plan.states * plane);
        scratch_again = carve.take(scratch_size<T>(plan.step, layout.L));
        fill_constants(plan.step, layout.L, scratch_again);
    }

    int64_t step_at(int64_t place) const { return call.reverse ? call.steps - 1 - place : place; }
    const T* states_after(int64_t place) const {
        return place < 0 ? start : layout.slot_of(shard, step_at(place));
    }
    // The gradient at `W x + b`, from a row of the chunk on.
    T* da_of(int64_t g, int64_t row) const { return da + g * apart + row * layout.L; }
    // The gradient at `U h + c`: the same plane as that at `W x + b` where only their sum is used.
    T* du_of(int64_t g, int64_t row) const {
        const int64_t into = plan.recurrent_gates[g].into_input;
        return into >= 0 ? da_of(into, row) : du + g * apart + row * layout.L;
    }

    void spread() {
        fill_constants(plan.adjoint, layout.L, scratch);
        for (int64_t u = 0; u < plan.units; ++u)
            for (int64_t r = 0; r < rows.count; ++r)
                copy_row(units + u * plane + r * layout.L, call.units[u], layout.H);
        for (int64_t s = 0; s < plan.states; ++s) {
            gather(rows, rows.count, call.start[s], layout.H, start + s * plane, layout.L);
            if (call.dfinal[s])
                gather(rows, rows.count, call.dfinal[s], layout.H, delta + s * plane, layout.L);
            else
                zero_row(delta + s * plane, plane);
        }
    }

    // Lays what a step worked on into the chunk's rows.
    void gather_step(int64_t place, int64_t n, int64_t row) {
        const int64_t t = step_at(place), I = layout.I, H = layout.H;
        if (call.dW || layout.again) gather(rows, n, call.x + t * call.rows * I, I, x + row * I, I);
        const T* before = states_after(place - 1);
        if (call.dU || layout.again)
            for (int64_t r = 0; r < n; ++r) copy_row(h + (row + r) * H, before + r * layout.L, H);
    }

    // Computes again what was not kept of the steps of a chunk, from the last to the first.
    void compute_again(int64_t last, int64_t first, int64_t m) {
        products.of_inputs(m, x);
        products.of_states(m, h, layout.H, 0, 0);
        int64_t row = 0;
        for (int64_t place = last; place >= first; --place) {
            const int64_t n = rows.active(step_at(place));
            run_step(layout, products, n, row, row, states_after(place - 1), states_again,
                     kept_again + row * layout.L, apart, units, scratch_again);
            row += n;
        }
    }

    void step(int64_t place, int64_t n, int64_t row) {
        const int64_t t = step_at(place), L = layout.L, H = layout.H;
        const T* before = states_after(place - 1);
        const T* after = states_after(place);
        const T* kept = layout.again ? kept_again + row * L : after + plan.states * plane;
        const int64_t kept_apart = layout.again ? apart : plane;
        if (place > 0) fetch<0>(states_after(place - 1) + plan.states * plane, layout.slot() - plan.states * plane);
        if (place > 1) fetch<0>(states_after(place - 2), plan.states * plane);
        if (call.dy) add_explicit(call.dy + t * call.rows * H, n);
        const T* inputs[most_planes];
        T* outputs[most_planes];
        bool is_passed[most_planes] = {}, is_used[most_planes] = {};
        for (int32_t i = 0; i < plan.adjoint.input_count; ++i) {
            const Place p = plan.adjoint_inputs[i];
            inputs[i] = p.plane == Plane::state        ? before + p.number * plane
                        : p.plane == Plane::next_state ? after + p.number * plane
                        : p.plane == Plane::kept || p.plane == Plane::kept_row
                            ? kept + layout.kept_at(p, kept_apart)
                        : p.plane == Plane::unit       ? units + p.number * plane
                                                       : delta + p.number * plane;
        }
        for (int32_t i = 0; i < plan.adjoint.output_count; ++i) {
            const Place p = plan.adjoint_outputs[i];
            outputs[i] = p.plane == Plane::d_input_product       ? da_of(p.number, row)
                         : p.plane == Plane::d_recurrent_product ? du_of(p.number, row)
                         : p.plane == Plane::d_state             ? passed + p.number * plane
                                                                 : d_units + p.number * plane;
            if (p.plane == Plane::d_state) is_passed[p.number] = true;
            if (p.plane == Plane::d_unit) is_used[p.number] = true;
        }
        interpret(plan.adjoint, {n, L, layout.H}, inputs, outputs, scratch);
        pass_back(n, row, is_passed);
        for (int64_t u = 0; u < plan.units; ++u)
            if (is_used[u])
                add_rows(n, layout.N, d_units + u * plane, L, sums.units + u * layout.N);
    }

    // The explicit part of dE/dS_t.
    void add_explicit(const T* dy, int64_t n) {
        const int64_t H = layout.H;
        for (int64_t r = 0; r < n; ++r) {
            const T* __restrict from = dy + rows.index[r] * H;
            T* __restrict to = delta + r * layout.L;
            for (int64_t j = 0; j < H; ++j) to[j] += from[j];
        }
    }

    // The implicit part: through the state itself, and through the products of the gates.
    void pass_back(int64_t n, int64_t row, const bool* is_passed) {
        const int64_t L = layout.L;
        for (int64_t s = 0; s < plan.states; ++s)
            for (int64_t r = n; r < rows.count; ++r)  // rows that are not valid here
                copy_row(passed + s * plane + r * L, delta + s * plane + r * L, L);
        for (int64_t s = plan.recurrent_gate_count ? 1 : 0; s < plan.states; ++s)
            if (!is_passed[s]) zero_row(passed + s * plane, n * L);
        const T* gates[most_planes];
        for (int64_t g = 0; g < plan.recurrent_gate_count; ++g) gates[g] = du_of(g, row);
        const T* begin = passed;
        if (plan.recurrent_gate_count)
            product<T, false>(n, {gates, plan.recurrent_gate_count, layout.H, L}, {U, nullptr, 0},
                              {&passed, 1, layout.N, L, is_passed[0] ? &begin : nullptr, nullptr});
        T* swap = delta;
        delta = passed;
        passed = swap;
    }

    // Adds what the steps of a chunk have to say of the weights, while it is still in the cache, and
    // writes the gradient of their inputs. The chunk's steps run from `last` down to `first`.
    void flush(int64_t last, int64_t first, int64_t m) {
        const int64_t H = layout.H, I = layout.I, N = layout.N, L = layout.L;
        const int64_t inputs = plan.input_gates, all = plan.recurrent_gate_count;
        const Apart<const T> at_inputs(da, apart, inputs);
        const T* at_states[most_planes];
        for (int64_t g = 0; g < all; ++g) at_states[g] = du_of(g, 0);
        if (call.dW) {
            const Apart<T> to(sums.W, I * N, inputs);
            product<T, true>(I, {&x, 1, m, I}, {nullptr, at_inputs.plane, L},
                             {to.plane, inputs, N, N, to.plane, nullptr});
        }
        if (call.dU) {
            const Apart<T> to(sums.U, H * N, all);
            product<T, true>(H, {&h, 1, m, H}, {nullptr, at_states, L},
                             {to.plane, all, N, N, to.plane, nullptr});
        }
        // Of gates whose two products are one plane, so are the gradients of their biases.
        for (int64_t g = 0; (call.db || call.dc) && g < inputs; ++g)
            add_rows(m, N, da_of(g, 0), L, sums.b + g * N);
        for (int64_t g = 0; call.dc && g < all; ++g)
            if (plan.recurrent_gates[g].into_input < 0) add_rows(m, N, du_of(g, 0), L, sums.c + g * N);
        if (!call.dx) return;
        product<T, false>(m, {at_inputs.plane, inputs, H, L}, {W, nullptr, 0},
                          {&dx, 1, layout.NI, layout.NI, nullptr, nullptr});
        int64_t row = 0;
        for (int64_t place = last; place >= first; --place) {
            const int64_t t = step_at(place), n = rows.active(t);
            scatter(rows, n, dx + row * layout.NI, layout.NI, call.dx + t * call.rows * I, I);
            row += n;
        }
    }

    void run() {
        spread();
        for (int64_t last = call.steps - 1, first; last >= 0; last = first - 1) {
            int64_t m = 0;
            for (first = last + 1; first > 0 && m < layout.chunk; m += rows.active(step_at(first))) {
                --first;
                if (layout.again) gather_step(first, rows.active(step_at(first)), m);
            }
            if (layout.again) compute_again(last, first, m);
            m = 0;
            for (int64_t place = last; place >= first; --place) {
                const int64_t n = rows.active(step_at(place));
                if (!layout.again) gather_step(place, n, m);
                step(place, n, m);
                m += n;
            }
            flush(last, first, m);
        }
        for (int64_t s = 0; s < plan.states; ++s)
            if (call.dstart[s])
                scatter(rows, rows.count, delta + s * plane, layout.L, call.dstart[s], layout.H);
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
        const int64_t into = plan.recurrent_gates[g].into_input;
        const T* sum = into >= 0 ? sums.b + into * N : sums.c + g * N;
        add_up(sum - own, 1, call.dc ? call.dc + g * H : nullptr, 0, 1);
        return;
    }
    piece -= plan.recurrent_gate_count;
    add_up(sums.units - own + piece * N, 1, call.dunits[piece], 0, 1);
}
