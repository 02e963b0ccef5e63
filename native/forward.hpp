// The forward pass of one shard, or of one thread's parts of it. Included once for each instruction set,
// after layout.hpp.

// The weights as the forward pass reads them, and the biases, those added up that end in one plane.
template <typename T> struct Weights {
    const Layout<T>& layout;
    T *W, *U, *bias;  // panels of W and of U; [input gates, recurrent gates][N]
    Weights(const Layout<T>& of, T* shared)
        : layout(of), W(shared), U(W + of.packed_W()), bias(U + of.packed_U()) {}
    // The panels of a part: it reads no others.
    T* W_of(const Part& part) const { return W + part.first * layout.plan.input_gates * layout.I; }
    T* U_of(const Part& part) const {
        return U + part.first * layout.plan.recurrent_gate_count * layout.H;
    }
};

template <typename T> void prepare_forward(const Layout<T>& layout, const Part& part, T* shared) {
    const Call<T>& call = layout.call;
    const Plan& plan = layout.plan;
    const int64_t H = layout.H, I = layout.I, N = layout.N;
    const int64_t inputs = plan.input_gates, all = plan.recurrent_gate_count;
    const Weights<T> to(layout, shared);
    pack<T>({call.W + part.first * I, 1, 0, I, 1, inputs, H * I, part.units, I}, to.W_of(part));
    pack<T>({call.U + part.first * H, 1, 0, H, 1, all, H * H, part.units, H}, to.U_of(part));
    for (int64_t g = 0; g < layout.gates(); ++g) zero_row(to.bias + g * N + part.first, part.columns);
    for (int64_t g = 0; call.b && g < inputs; ++g)
        copy_row(to.bias + g * N + part.first, call.b + g * H + part.first, part.units);
    for (int64_t g = 0; call.c && g < all; ++g) {
        const int64_t into = plan.recurrent_gates[g].into_input;
        T* sum = to.bias + (into >= 0 ? into : inputs + g) * N;
        for (int64_t j = part.first; j < part.first + part.units; ++j) sum[j] += call.c[g * H + j];
    }
}

// The products of a cell's gates in planes, rows as they are worked on: `W x + b`, and `U h + c` added
// to that or in a plane of its own, as the plan says. Each for the columns of one part.
template <typename T> struct Products {
    const Layout<T>& layout;
    const Weights<T> weights;
    T *wx, *uh;
    int64_t wx_apart, uh_apart;  // from one gate's plane to the next

    void of_inputs(const Part& part, int64_t m, const T* x) const {
        const int64_t gates = layout.plan.input_gates;
        const Apart<T> to(wx + part.first, wx_apart, gates);
        const Apart<const T> bias(weights.bias + part.first, layout.N, gates);
        product<T, false>(m, {&x, 1, layout.I, layout.I}, {weights.W_of(part), nullptr, 0},
                          {to.plane, gates, part.columns, layout.L, bias.plane, same_row});
    }

    // Of `n` rows of states; their products begin at a row of `wx` and of `uh`.
    void of_states(const Part& part, int64_t n, const T* h, int64_t h_row, int64_t wx_row,
                   int64_t uh_row) const {
        const Plan& plan = layout.plan;
        T* to[most_planes];
        const T* begin[most_planes];
        int64_t begin_row[most_planes];
        for (int64_t g = 0; g < plan.recurrent_gate_count; ++g) {
            const int64_t into = plan.recurrent_gates[g].into_input;
            to[g] = (into >= 0 ? wx + into * wx_apart + wx_row * layout.L
                               : uh + g * uh_apart + uh_row * layout.L) + part.first;
            begin[g] = into >= 0 ? to[g] : weights.bias + (plan.input_gates + g) * layout.N + part.first;
            begin_row[g] = into >= 0 ? layout.L : 0;
        }
        product<T, false>(n, {&h, 1, layout.H, h_row}, {weights.U_of(part), nullptr, 0},
                          {to, plan.recurrent_gate_count, part.columns, layout.L, begin, begin_row});
    }
};

// Runs a step's program on a part of `n` rows: products from a row of their planes on, states before and
// after, the values that are kept.
template <typename T>
void run_step(const Layout<T>& layout, const Part& part, const Products<T>& products, int64_t n,
              int64_t wx_row, int64_t uh_row, const T* before, T* after, T* kept, int64_t kept_apart,
              const T* units, T* scratch) {
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
    interpret_part(plan.step, part, {n, L, layout.H}, inputs, outputs, scratch);
}

template <typename T> struct Forward {
    const Layout<T>& layout;
    const Call<T>& call;
    const Plan& plan;
    Rows rows;
    Crew crew;
    Part own;  // the columns that this thread writes
    int64_t shard, plane;
    Products<T> products;
    T *x, *units, *start, *free_slots, *scratch;

    Forward(const Layout<T>& with, int64_t of, Rows which, Crew among, T* shared, T* space)
        : layout(with), call(with.call), plan(with.plan), rows(which), crew(among),
          own(with.parts_of(among)), shard(of), plane(with.plane()),
          products{with, Weights<T>(with, shared), nullptr, nullptr, with.chunk_rows() * with.L, plane} {
        Carver<T> carve{space};
        products.wx = carve.take(layout.chunk_rows() * plan.input_gates * layout.L);
        products.uh = carve.take(plan.recurrent_gate_count * plane);
        units = carve.take(plan.units * plane);
        start = carve.take(plan.states * plane);
        free_slots = carve.take(2 * plan.states * plane + layout.kept() * plane);
        carve.take(crew.worker * layout.worker_forward());
        x = carve.take(layout.chunk_rows() * layout.NI);
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
        const int64_t first = own.first;
        for (int64_t u = 0; u < plan.units; ++u)
            for (int64_t r = 0; r < rows.count; ++r)
                copy_row(units + u * plane + r * layout.L + first, call.units[u] + first, own.units);
        for (int64_t s = 0; s < plan.states; ++s)
            gather(rows, rows.count, own.units, call.start[s] + first, layout.H,
                   start + s * plane + first, layout.L);
    }

    // W x + b for as many steps as make a chunk of rows; gives the place after the last of them.
    int64_t input_products(int64_t place) {
        int64_t m = 0;
        for (; place < call.steps && m < layout.chunk; ++place) {
            const int64_t t = step_at(place), n = rows.active(t);
            gather(rows, n, layout.I, call.x + t * call.rows * layout.I, layout.I, x + m * layout.I,
                   layout.I);
            m += n;
        }
        layout.each_part_of(crew, [&](const Part& part) { products.of_inputs(part, m, x); });
        return place;
    }

    void step(int64_t place, int64_t offset, int64_t n) {
        const int64_t L = layout.L, H = layout.H;
        const T* before = states_after(place - 1);
        T* after = states_after(place);
        if (call.tape && place + 1 < call.steps)
            fetch<true>(states_after(place + 1) + own.first, layout.slot() / plane, plane,
                        own.all ? n * L : own.columns);
        layout.each_part_of(crew, [&](const Part& part) {
            products.of_states(part, n, before, L, offset, 0);
        });
        T* kept = call.tape && !layout.again ? after + plan.states * plane
                                             : free_slots + 2 * plan.states * plane;
        run_step(layout, own, products, n, offset, 0, before, after, kept, plane, units, scratch);
        if (!call.y) return;
        T* y = call.y + step_at(place) * call.rows * H + own.first;
        scatter(rows, n, own.units, after + own.first, L, y, H);
        for (int64_t r = n; r < rows.count; ++r) zero_row(y + rows.index[r] * H, own.units);
    }

    // Writes rows `from` to `to` of states out, [rows, hidden] each.
    void write(const T* states, int64_t from, int64_t to, T* const* out, int64_t offset = 0) {
        for (int64_t s = 0; s < plan.states; ++s)
            for (int64_t r = from; out[s] && r < to; ++r)
                copy_row(out[s] + offset + rows.index[r] * layout.H + own.first,
                         states + s * plane + r * layout.L + own.first, own.units);
    }
    // Rows `from` to `to` have come to their ends.
    void finish(const T* states, int64_t from, int64_t to) { write(states, from, to, call.final); }

    // Rows `from` to `to` begin only after the step at a place.
    void begin(int64_t place, int64_t from, int64_t to) {
        for (int64_t s = 0; s < plan.states; ++s)
            for (int64_t r = from; r < to; ++r) {
                const int64_t at = s * plane + r * layout.L + own.first;
                copy_row(states_after(place) + at, start + at, own.columns);
            }
    }

    void run() {
        spread();
        crew.meet();
        int64_t n = call.steps ? rows.active(step_at(0)) : 0, ready = 0, offset = 0;
        int64_t begun = n;  // rows that have been valid so far
        for (int64_t place = 0; place < call.steps; ++place) {
            if (place == ready) {
                ready = input_products(place);
                offset = 0;
            }
            const int64_t next = place + 1 < call.steps ? rows.active(step_at(place + 1)) : 0;
            step(place, offset, n);
            finish(states_after(place), next, n);
            if (call.stored && (place + 1) % call.every == 0)
                write(states_after(place), 0, rows.count, call.stored,
                      (place / call.every) * call.rows * layout.H);
            begin(place, n, next);
            crew.meet();  // the products of the next step are those of all states
            offset += n;
            n = next;
            begun = n > begun ? n : begun;
        }
        finish(start, begun, rows.count);  // rows without any valid step
    }
};
