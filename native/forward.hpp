// The forward pass of one shard. Included once for each instruction set, after layout.hpp.

// The weights as the forward pass reads them, and the biases, those added up that end in one plane.
template <typename T> struct Weights {
    T *W, *U, *bias;  // panels of W and of U; [input gates, recurrent gates][N]
    Weights(const Layout<T>& layout, T* shared)
        : W(shared), U(W + layout.packed_W()), bias(U + layout.packed_U()) {}
};

template <typename T> void prepare_forward(const Layout<T>& layout, T* shared) {
    const Call<T>& call = layout.call;
    const Plan& plan = layout.plan;
    const int64_t H = layout.H, I = layout.I, N = layout.N;
    const Weights<T> to(layout, shared);
    pack<T>({call.W, 1, 0, I, 1, plan.input_gates, H * I, H, I}, to.W);
    pack<T>({call.U, 1, 0, H, 1, plan.recurrent_gate_count, H * H, H, H}, to.U);
    zero_row(to.bias, layout.biases());
    for (int64_t g = 0; call.b && g < plan.input_gates; ++g)
        copy_row(to.bias + g * N, call.b + g * H, H);
    for (int64_t g = 0; call.c && g < plan.recurrent_gate_count; ++g) {
        const int64_t into = plan.recurrent_gates[g].into_input;
        T* sum = to.bias + (into >= 0 ? into : plan.input_gates + g) * N;
        for (int64_t j = 0; j < H; ++j) sum[j] += call.c[g * H + j];
    }
}

// The products of a cell's gates in planes, rows as they are worked on: `W x + b`, and `U h + c` added
// to that or in a plane of its own, as the plan says.
template <typename T> struct Products {
    const Layout<T>& layout;
    const Weights<T> weights;
    T *wx, *uh;
    int64_t wx_apart, uh_apart;  // from one gate's plane to the next

    void of_inputs(int64_t m, const T* x) const {
        const int64_t gates = layout.plan.input_gates;
        const Apart<T> to(wx, wx_apart, gates);
        const Apart<const T> bias(weights.bias, layout.N, gates);
        product<T, false>(m, {&x, 1, layout.I, layout.I}, {weights.W, nullptr, 0},
                          {to.plane, gates, layout.N, layout.L, bias.plane, same_row});
    }

    // Of `n` rows of states; their products begin at a row of `wx` and of `uh`.
    void of_states(int64_t n, const T* h, int64_t h_row, int64_t wx_row, int64_t uh_row) const {
        const Plan& plan = layout.plan;
        T* to[most_planes];
        const T* begin[most_planes];
        int64_t begin_row[most_planes];
        for (int64_t g = 0; g < plan.recurrent_gate_count; ++g) {
            const int64_t into = plan.recurrent_gates[g].into_input;
            to[g] = into >= 0 ? wx + into * wx_apart + wx_row * layout.L
                              : uh + g * uh_apart + uh_row * layout.L;
            begin[g] = into >= 0 ? to[g] : weights.bias + (plan.input_gates + g) * layout.N;
            begin_row[g] = into >= 0 ? layout.L : 0;
        }
        product<T, false>(n, {&h, 1, layout.H, h_row}, {weights.U, nullptr, 0},
                          {to, plan.recurrent_gate_count, layout.N, layout.L, begin, begin_row});
    }
};

// Runs a step's program on `n` rows: products from a row of their planes on, states before and after,
// the values that are kept.
template <typename T>
void run_step(const Layout<T>& layout, const Products<T>& products, int64_t n, int64_t wx_row,
              int64_t uh_row, const T* before, T* after, T* kept, int64_t kept_apart, const T* units,
              T* scratch) {
    const Plan& plan = layout.plan;
    const int64_t L = layout.L, plane = layout.plane();
    const T* inputs[most_planes];
    T* outputs[most_planes];
    for (int32_t i = 0; i < plan.step.input_count; ++i) {
        const Place p = plan.step_inputs[i];
        inputs[i] = p.plane == Plane::input_product ? products.wx + p.number * products.wx_apart + wx_row * L
                    : p.plane == Plane::recurrent_product
                        ? products.uh + p.number * products.uh_apart + uh_row * L
                    : p.plane == Plane::state ? before + p.number * plane
                                              : units + p.number * plane;
    }
    for (int32_t i = 0; i < plan.step.output_count; ++i) {
        const Place p = plan.step_outputs[i];
        outputs[i] = p.plane == Plane::next_state ? after + p.number * plane : kept + layout.kept_at(p, kept_apart);
    }
    interpret(plan.step, {n, L, layout.H}, inputs, outputs, scratch);
}

template <typename T> struct Forward {
    const Layout<T>& layout;
    const Call<T>& call;
    const Plan& plan;
    Rows rows;
    int64_t shard, plane;
    Products<T> products;
    T *x, *units, *start, *free_slots, *scratch;

    Forward(const Layout<T>& with, int64_t of, Rows which, T* shared, T* own)
        : layout(with), call(with.call), plan(with.plan), rows(which), shard(of), plane(with.plane()),
          products{with, Weights<T>(with, shared), nullptr, nullptr, with.chunk_rows() * with.L, plane} {
        Carver<T> carve{own};
        x = carve.take(layout.chunk_rows() * layout.NI);
        products.wx = carve.take(layout.chunk_rows() * plan.input_gates * layout.L);
        products.uh = carve.take(plan.recurrent_gate_count * plane);
        units = carve.take(plan.units * plane);
        start = carve.take(plan.states * plane);
        free_slots = carve.take(2 * plan.states * plane + layout.kept() * plane);
        scratch = carve.take(scratch_size<T>(plan.step, layout.L));
    }

    int64_t step_at(int64_t place) const { return call.reverse ? call.steps - 1 - place : place; }

    // The states after the step at a place in the order of running: on the tape, or in one of two
    // slots in turn where nothing is kept.
    T* states_after(int64_t place) const {
        if (place < 0) return start;
        if (call.tape) return layout.slot_of(shard, step_at(place));
        return free_slots + (place % 2) * plan.states * plane;
    }

    void spread() {
        fill_constants(plan.step, layout.L, scratch);
        for (int64_t u = 0; u < plan.units; ++u)
            for (int64_t r = 0; r < rows.count; ++r)
                copy_row(units + u * plane + r * layout.L, call.units[u], layout.H);
        for (int64_t s = 0; s < plan.states; ++s)
            gather(rows, rows.count, call.start[s], layout.H, start + s * plane, layout.L);
    }

    // W x + b for as many steps as make a chunk of rows; gives the place after the last of them.
    int64_t input_products(int64_t place) {
        int64_t m = 0;
        for (; place < call.steps && m < layout.chunk; ++place) {
            const int64_t t = step_at(place), n = rows.active(t);
            gather(rows, n, call.x + t * call.rows * layout.I, layout.I, x + m * layout.I, layout.I);
            m += n;
        }
        products.of_inputs(m, x);
        return place;
    }

    void step(int64_t place, int64_t offset, int64_t n) {
        const T* before = states_after(place - 1);
        T* after = states_after(place);
        if (call.tape && place + 1 < call.steps) fetch<1>(states_after(place + 1), layout.slot());
        products.of_states(n, before, layout.L, offset, 0);
        T* kept = call.tape && !layout.again ? after + plan.states * plane
                                             : free_slots + 2 * plan.states * plane;
        run_step(layout, products, n, offset, 0, before, after, kept, plane, units, scratch);
        T* y = call.y + step_at(place) * call.rows * layout.H;
        scatter(rows, n, after, layout.L, y, layout.H);
        for (int64_t r = n; r < rows.count; ++r) zero_row(y + rows.index[r] * layout.H, layout.H);
    }

    void finish(const T* states, int64_t from, int64_t to) {
        for (int64_t s = 0; s < plan.states; ++s)
            for (int64_t r = from; r < to; ++r)
                copy_row(call.final[s] + rows.index[r] * layout.H,
                         states + s * plane + r * layout.L, layout.H);
    }

    void run() {
        spread();
        int64_t n = call.steps ? rows.active(step_at(0)) : 0, ready = 0, offset = 0;
        int64_t begun = n;  // rows that have been valid so far
        for (int64_t place = 0; place < call.steps; ++place) {
            if (place == ready) {
                ready = input_products(place);
                offset = 0;
            }
            step(place, offset, n);
            offset += n;
            const int64_t next = place + 1 < call.steps ? rows.active(step_at(place + 1)) : 0;
            if (next < n) finish(states_after(place), next, n);
            for (int64_t s = 0; next > n && s < plan.states; ++s)  // rows that begin only now
                for (int64_t r = n; r < next; ++r)
                    copy_row(states_after(place) + s * plane + r * layout.L,
                             start + s * plane + r * layout.L, layout.L);
            n = next;
            begun = n > begun ? n : begun;
        }
        finish(start, begun, rows.count);  // rows without any valid step
    }
};
